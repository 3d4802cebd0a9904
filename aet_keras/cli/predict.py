"""Predicts classes, or recommends items, with a published model.

As JSON an answer is an object a line, as CSV a header and a row a line. Only
answers go to the output; what a person should know goes to the error stream.
"""

import csv
import io
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import click

from aet_keras.cli import _options
from aet_keras.cli._inputs import find_questions
from aet_keras.cli._running import one_sentence
from aet_keras.cli._versions import load_version_of

_BATCH = 32
_USUAL = 10  # recommended items
_FORMATS = ("text", "json", "csv")


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "--top",
    type=click.IntRange(1),
    help="How many classes or items to name, the likeliest first. [default: 1 "
    "class, 10 items]",
)
@_options.encoding
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="text for a person; json, an object a line; csv, a row a line.",
)
@click.option("--json", "form", flag_value="json", help="As --format json.")
@click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    help="Of tables: the column that names a row in the answer. [default: "
    "FILE:NUMBER]",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def predict(folder, what, top, encoding, form, id_column, debug):
    """Name the class of each picture, text or table row, or recommend.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it; its newest
    SavedModel answers, one line each. WHAT are files of pictures, or texts in
    quotes, or .txt files of one text each, or .csv files of rows, or ids of
    users, who are recommended items. What cannot be read is named at the end,
    and makes the exit code 1.
    """
    with one_sentence(debug=debug):
        path, version = load_version_of(folder, is_version_taken=False)
        if is_recommender(version):
            for line in recommend(version, what, top=top, form=form):
                click.echo(line)
            return
        questions = find_questions(
            version, path, what, encoding=encoding, id_column=id_column
        )
        bad = []
        answers = _answered(version, questions, top or 1, bad)
        for line in class_lines(form, questions.noun, answers, top=top or 1):
            click.echo(line)
        _refuse(questions.noun, bad)


def _answered(version, questions, top, bad):
    """Yields each row with its classes; those without go into `bad` too."""
    for batch in questions.batches(_BATCH):
        bad += [each for each in batch if each.reason]
        yield from _scored(version, batch, top)


def _scored(version, batch, top):
    """Yields each row of a batch, with its classes or with None."""
    import numpy as np

    good = [each.values for each in batch if not each.reason]
    rows = iter(())
    if good:
        arrays = {
            name: np.stack([np.asarray(row[name]) for row in good])
            for name in good[0]
        }
        outputs = version.call("serving_default", arrays)
        columns = outputs["classes"], outputs["probabilities"]
        rows = zip(*columns, strict=True)
    for question in batch:
        yield question, None if question.reason else _best(*next(rows), top)


def _best(names, probabilities, top):
    order = probabilities.argsort(kind="stable")[::-1][:top]
    return [(names[i].decode(), float(probabilities[i])) for i in order]


def _refuse(noun, bad):
    from aet_keras.errors import DataError

    if bad:
        said = "; ".join(f"{each.name} ({each.reason})" for each in bad[:3])
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise DataError(
            f"predict: {len(bad)} of the {noun}s could not be read: "
            f"{said}{more}. Mend them or leave them out."
        )


def class_lines(
    form: str, noun: str, answers: Iterator[tuple[Any, Any]], *, top: int
) -> Iterator[str]:
    """Yields a line for each `Question` and its classes.

    Args:
        form: one of `_FORMATS`.
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
        form: one of `_FORMATS`.
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
            row = {"id": user, "user": user, "is_known": is_known}
            yield json.dumps(row | {"items": items})
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


def is_recommender(version: Any) -> bool:
    """Whether a loaded version knows what to recommend."""
    return "top_k" in version.signatures


def recommend(
    version: Any, users: Sequence[str], *, top: int | None, form: str
) -> Iterator[str]:
    """Yields a line a user: the items that are recommended, the best first.

    Args:
        version: `aet_keras.serving.LoadedVersion`.
        users: ids.
        top: how many items; 10 if None.
        form: str. How the line is written: one of `_FORMATS`.
    """
    import numpy as np

    arrays = {
        "user": np.array([user.encode() for user in users], object),
        "k": np.full(len(users), top or _USUAL, "int32"),
    }
    outputs = version.call("top_k", arrays)
    answers = _answers_of(users, outputs)
    yield from item_lines(form, answers, top=top or _USUAL)


def _answers_of(users, outputs):
    for place, user in enumerate(users):
        names = [item.decode() for item in outputs["items"][place] if item]
        ratings = outputs["ratings"][place].tolist()
        found = list(zip(names, ratings, strict=False))
        yield user, bool(outputs["is_known"][place]), found
