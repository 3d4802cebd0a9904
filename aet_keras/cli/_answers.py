"""How is an answer written: for a person, or for a program?

As JSON an object a line, as CSV a header and a row a line. Only answers go to
the output; what a person should know goes to the error stream.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

FORMATS = ("text", "json", "csv")


def class_lines(
    form: str, noun: str, answers: Iterator[tuple[Any, Any]], *, top: int
) -> Iterator[str]:
    """Yields a line for each `Question` and its classes.

    Args:
        form: one of `FORMATS`.
        noun: str. What one row is: `"picture"`.
        answers: iterator of `Question` and its `(class, probability)` pairs,
            the likeliest first, or None where it could not be read.
        top: int >= 1. How many classes there are at most.
    """
    if form == "csv":
        yield _row(["id", *_columns(("class", "probability"), top), "error"])
    for question, scores in answers:
        if form == "csv":
            yield _csv_line(question.name, scores or [], top, question.reason)
        elif form == "json":
            yield _json_line(noun, question, scores)
        elif scores is not None:
            said = "; ".join(f"{name}, {value:.1%}" for name, value in scores)
            yield f"{question.name}  {said}"


def item_lines(
    form: str, answers: Iterator[tuple[str, bool, Sequence]], *, top: int
) -> Iterator[str]:
    """Yields a line for each user, whether known, and the items.

    Args:
        form: one of `FORMATS`.
        answers: iterator of user, whether it is known, and `(item, rating)`
            pairs, the best first.
        top: int >= 1. How many items there are at most.
    """
    if form == "csv":
        yield _row(["id", *_columns(("item", "rating"), top), "is_known"])
    for user, is_known, found in answers:
        if form == "csv":
            yield _csv_line(user, found, top, str(is_known).lower())
        elif form == "json":
            items = [{"item": item, "rating": rating} for item, rating in found]
            said = {"id": user, "user": user, "is_known": is_known}
            yield json.dumps(said | {"items": items})
        else:
            note = "" if is_known else " (not known: what is popular)"
            said = "; ".join(f"{item} {rating:.2f}" for item, rating in found)
            yield f"{user}{note}  {said}"


def _json_line(noun, question, scores):
    said = {"id": question.name, noun: question.name}
    if scores is None:
        return json.dumps(said | {"error": question.reason})
    classes = [{"class": k, "probability": v} for k, v in scores]
    return json.dumps(said | {"classes": classes})


def _columns(names, top):
    """Returns a header: `class`, `probability`, `class_2`, ..."""
    for place in range(1, top + 1):
        ending = f"_{place}" if place > 1 else ""
        yield from (f"{name}{ending}" for name in names)


def _csv_line(name, pairs, top, last):
    cells = [cell for pair in pairs for cell in pair]
    return _row([name, *cells, *[""] * (2 * top - len(cells)), last])


def _row(cells):
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
