"""Explains a prediction by what changes when a part is left out."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras import _files
from aet_keras.evaluation import chart_fonts, printed_text


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Holds how a prediction changes when a part of a row is left out.

    Args:
        names: tuple of str. The parts, in their order in the row.
        losses: float array `(parts,)`. How much the answer falls without
            each part; negative if it rises.
        column: int. Which class, as a column of the output; 0 of a rating or
            a number.
        answer: float. With all parts: the probability of the class, the
            rating, or the number.

    Example:

    >>> from aet_keras.explanations.left_out import LeftOut
    >>> LeftOut(("a",), np.array([0.5]), 1, 0.9).column
    1
    """

    names: tuple[str, ...]
    losses: np.ndarray
    column: int
    answer: float

    def strongest(self, count: int) -> list[tuple[str, float]]:
        """Returns the parts that change most, and what each changes.

        Args:
            count: int >= 1. How many.
        """
        order = np.argsort(-np.abs(self.losses), kind="stable")[:count]
        return [(self.names[i], float(self.losses[i])) for i in order]


def leave_out_words(
    predict: Callable[[Sequence[str]], np.ndarray],
    text: str,
    *,
    column: int | None = None,
    most: int = 200,
) -> LeftOut:
    """Measures how a prediction changes without each word of a text.

    Args:
        predict: function of a list of str; returns probabilities
            `(texts, classes)`.
        text: str, with a word at least.
        column: optional int >= 0. The class to explain. Defaults to the one
            that is predicted.
        most: int >= 1. Only so many words at the start are left out, one at a
            time. Defaults to `200`.

    Returns:
        `LeftOut`, a part a word.

    Raises:
        ValueError: if the text has no word, or there is no such column.

    Cost:
        One row for each word, and one for the text.

    Example:

    >>> def predict(texts):
    ...     good = np.array([0.9 if "good" in text else 0.4 for text in texts])
    ...     return np.stack([1 - good, good], axis=1)
    >>> found = aet_keras.explanations.leave_out_words(predict, "a good film")
    >>> found.strongest(1)
    [('good', 0.5)]

    Reference:
        [Li et al., 2016](https://arxiv.org/abs/1612.08220).
    """
    check.positive_int("leave_out_words", most=most)
    words = list(re.finditer(r"\S+", text))[:most]
    if not words:
        raise ValueError(
            "leave_out_words: the text must have a word, because words are "
            f"left out. Received: {text[:40]!r}."
        )
    shorter = [text[: w.start()] + text[w.end() :] for w in words]
    names = tuple(word.group() for word in words)
    outputs = np.asarray(predict([text, *shorter]))
    return _compare("leave_out_words", names, outputs, column)


def leave_out_cells(
    predict: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    row: Mapping[str, Any],
    *,
    column: int | None = None,
) -> LeftOut:
    """Measures how a prediction changes without each cell of a row.

    Args:
        predict: function of a dict of column to array `(rows,)`; returns
            probabilities `(rows, classes)`, or numbers `(rows, 1)`.
        row: dict of column to its cell: a float, missing as NaN, or a str,
            missing as `""`; or bytes of an image, missing as `b""`.
        column: optional int >= 0. The class to explain. Defaults to the one
            that is predicted.

    Returns:
        `LeftOut`, a part a cell, called `"column = cell"`.

    Raises:
        ValueError: if there is no such column.

    Example:

    >>> def predict(cells):
    ...     good = np.where(np.isnan(cells["age"]), 0.5, 0.75)
    ...     return np.stack([1 - good, good], axis=1)
    >>> row = {"age": np.float32(33), "branch": "north"}
    >>> aet_keras.explanations.leave_out_cells(predict, row).strongest(2)
    [('age = 33', 0.25), ('branch = north', 0.0)]
    """
    count = 1 + len(row)
    cells = {}
    for place, (name, cell) in enumerate(row.items(), start=1):
        is_text = isinstance(cell, str | bytes)
        cells[name] = np.full(count, cell, object if is_text else "float32")
        cells[name][place] = type(cell)() if is_text else np.nan
    names = tuple(f"{name} = {_shown(cell)}" for name, cell in row.items())
    outputs = np.asarray(predict(cells))
    return _compare("leave_out_cells", names, outputs, column)


def leave_out_ratings(reasons: Mapping[str, Any]) -> LeftOut:
    """Says what a predicted rating loses without each part of its input.

    Args:
        reasons: dict of one row of what the signature `reasons` of a
            recommender returns (`aet_keras.export.write_rating_model`).

    Returns:
        `LeftOut` in the unit of ratings. The parts: all that is known of the
        user, all that is known of the item, and each past rating of the user
        that the model looks at. Of interactions, in probabilities: the user,
        and each item that it met.

    Example:

    >>> found = aet_keras.explanations.left_out.leave_out_ratings({
    ...     "scores": 4.0, "without_user": 3.5, "without_item": 3.0,
    ...     "items": [b"", b"Alien"], "ratings": [0.0, 5.0],
    ...     "without": [4.0, 3.75],
    ... })
    >>> found.strongest(3)
    [('the item', 1.0), ('the user', 0.5), ('Alien, rated 5', 0.25)]
    """
    is_past = [bool(item) for item in reasons["items"]]
    names = [item.decode() for item in reasons["items"] if item]
    parts = {"the user": reasons["without_user"]}
    if "ratings" in reasons:
        parts["the item"] = reasons["without_item"]
        ratings = np.asarray(reasons["ratings"])[is_past]
        pairs = zip(names, ratings, strict=True)
        names = [f"{name}, rated {rating:g}" for name, rating in pairs]
    without = [*parts.values(), *np.asarray(reasons["without"])[is_past]]
    answer = float(reasons["scores"])
    losses = answer - np.array(without, "float64")
    return LeftOut((*parts, *names), losses, 0, answer)


def _shown(cell):
    if isinstance(cell, bytes):
        return "an image" if cell else "missing"
    if isinstance(cell, str):
        return cell or "missing"
    return f"{cell:g}" if cell == cell else "missing"


def _compare(owner, names, outputs, column):
    class_count = outputs.shape[1]
    if column is None:
        column = int(outputs[0].argmax())
    check.whole(owner, column=column)
    if column >= class_count:
        raise ValueError(
            f"{owner}: `column` must be one of the output's, 0 to "
            f"{class_count - 1}. Received: column={column}."
        )
    whole, *others = outputs[:, column].astype("float64")
    return LeftOut(names, whole - np.array(others), column, float(whole))


def save_left_out(
    path: str | os.PathLike,
    found: LeftOut,
    *,
    title: str = "",
    what: str = "probability",
    most: int = 15,
) -> Path:
    """Draws the strongest parts as bars in a PNG, in the order of the row.

    Args:
        path: str or path-like. Written whole or not at all.
        found: `LeftOut`.
        title: str. Above the bars.
        what: str. What is lost. Defaults to `"probability"`.
        most: int >= 1. How many parts are shown. Defaults to `15`.

    Returns:
        `pathlib.Path`, where it was written.

    Example:

    >>> import tempfile
    >>> found = aet_keras.explanations.left_out.LeftOut(
    ...     ("a", "good", "film"), np.array([0.0, 0.5, -0.1]), 1, 0.9
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.explanations.save_left_out(
    ...         f"{folder}/film.png", found, title="good, 90 %"
    ...     )
    >>> path.name
    'film.png'
    """
    check.positive_int("save_left_out", most=most)
    order = sorted(range(len(found.names)), key=lambda i: -abs(found.losses[i]))
    shown = sorted(order[:most], reverse=True)  # the first part on top
    height = 1.4 + 0.3 * len(shown)
    figure = chart_fonts.new_figure(8, height, layout="constrained")
    axes = figure.add_subplot()
    losses = [float(found.losses[i]) for i in shown]
    colours = [
        chart_fonts.BLUE if loss >= 0 else chart_fonts.ORANGE for loss in losses
    ]
    axes.barh(range(len(shown)), losses, color=colours, height=0.7)
    names = [printed_text.cut(found.names[i], 36) for i in shown]
    axes.set_yticks(range(len(shown)), names, parse_math=False)
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel(f"{what} lost without it (negative: gained)")
    axes.set_title(title, fontsize=12, parse_math=False)
    axes.grid(axis="x", color=chart_fonts.GREY)
    axes.set_axisbelow(True)
    return _files.write_whole(path, chart_fonts.png_of(figure, boxes=True))
