"""Finds the classes that are confused, and the most wrong rows."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras.evaluation import printed_text
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.tagging import losses_of_tags

MOST_WRONG = 12
MOST_PAIRS = 3
SHOWN = 200  # characters of a text or of a row of a table
PRINTED = 5
_OF_PAIR = 6


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Holds how often one class was predicted as another.

    Args:
        true: str. The class.
        predicted: str. The class that was predicted.
        count: int. How many rows.
        share: float. Of the rows of the true class.

    Example:

    >>> aet_keras.evaluation.mistakes.Confusion("shirt", "coat", 4, 0.2).count
    4
    """

    true: str
    predicted: str
    count: int
    share: float

    @property
    def share_text(self) -> str:
        """How many of the true class, in words."""
        total = round(self.count / self.share)
        return f"{self.count} of {total} ({self.share:.0%})"


@dataclasses.dataclass(frozen=True)
class Mistake:
    """Holds a row that was predicted wrongly.

    Args:
        row: int. Its number in the split.
        name: str. Where it is from: a path, or `"test[17]"`.
        true: str. Its class, or its tags.
        predicted: str. What it was called.
        probability: float. Of what it was called.
        true_probability: float. Of its class; of tags, see `find_wrong_tags`.
        content: str. The start of a text, the cells of a row of a table,
            nothing of an image.

    Example:

    >>> aet_keras.evaluation.mistakes.Mistake(
    ...     3, "a.png", "shirt", "coat", 0.9, 0.1
    ... ).predicted
    'coat'
    """

    row: int
    name: str
    true: str
    predicted: str
    probability: float
    true_probability: float
    content: str = ""


def most_confused(
    scores: Classification, *, most: int = 10
) -> tuple[Confusion, ...]:
    """Lists which classes are confused, the most frequent pairs first.

    Args:
        scores: `Classification`.
        most: int >= 1. How many pairs.

    Returns:
        Tuple of `Confusion`; those of equal counts by their share of the
        true class.

    Example:

    >>> scores = aet_keras.evaluation.measure_classification(
    ...     [0, 0, 1], [[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]],
    ...     class_names=["hat", "shoe"],
    ... )
    >>> aet_keras.evaluation.mistakes.most_confused(scores)
    (Confusion(true='hat', predicted='shoe', count=1, share=0.5),)
    """
    matrix = np.array(scores.confusion_matrix)
    np.fill_diagonal(matrix, 0)
    names = [score.name for score in scores.per_class]
    found = [
        Confusion(
            names[row],
            names[column],
            int(matrix[row, column]),
            float(matrix[row, column] / scores.per_class[row].count),
        )
        for row, column in np.argwhere(matrix)
    ]
    found.sort(key=lambda each: (-each.count, -each.share))
    return tuple(found[:most])


def find_mistakes(
    labels: Any,
    probabilities: Any,
    *,
    class_names: Sequence[str],
    names: Sequence[str],
    content: Callable[[int], str] = lambda row: "",
    rule: AnswerRule = LIKELIEST,
) -> tuple[Mistake, ...]:
    """Finds the rows that are most wrong, and some of the most confused.

    They are the twelve rows with the lowest probability of their own class,
    and of each of the three most confused pairs of classes the six lowest.

    Args:
        labels: ints `(rows,)`.
        probabilities: floats `(rows, classes)`.
        class_names: one str a column.
        names: one str a row: where it is from.
        content: optional function of a row number that returns the content of
            the row as text.
        rule: `AnswerRule`, which class is answered. Defaults to the
            likeliest.

    Returns:
        Tuple of `Mistake`, the lowest probability of its own class first.

    Example:

    >>> found = aet_keras.evaluation.mistakes.find_mistakes(
    ...     [0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]],
    ...     class_names=["hat", "shoe"], names=["1.png", "2.png", "3.png"],
    ... )
    >>> [each.name for each in found]
    ['3.png', '2.png']
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, "float64")
    called = rule.answers(probabilities)
    own = probabilities[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(called != labels)
    wrong = wrong[np.argsort(own[wrong], kind="stable")]
    chosen = [*wrong[:MOST_WRONG]]
    pairs, counts = np.unique(
        np.stack([labels[wrong], called[wrong]]), axis=1, return_counts=True
    )
    shares = counts / np.bincount(labels)[pairs[0]]
    for place in np.lexsort([-shares, -counts])[:MOST_PAIRS]:
        true, other = pairs[:, place]
        of_pair = (labels[wrong] == true) & (called[wrong] == other)
        chosen += [*wrong[of_pair][:_OF_PAIR]]
    chosen = sorted({int(row) for row in chosen}, key=lambda r: (own[r], r))
    return tuple(
        Mistake(
            row=row,
            name=str(names[row]),
            true=str(class_names[labels[row]]),
            predicted=str(class_names[called[row]]),
            probability=float(probabilities[row, called[row]]),
            true_probability=float(own[row]),
            content=printed_text.cut(content(row), SHOWN),
        )
        for row in chosen
    )


def cells_of(
    inputs: Mapping[str, np.ndarray], row: int, *, dates: Collection[str] = ()
) -> str:
    """Returns the cells of a row of a table in words, missing ones left out.

    Args:
        inputs: dict of column to array of str or floats.
        row: int.
        dates: the columns that hold days since 1970-01-01.

    Example:

    >>> columns = {"age": np.array([44.0]), "branch": np.array(["", ], object)}
    >>> aet_keras.evaluation.mistakes.cells_of(columns, 0)
    'age 44'
    """
    cells = []
    for name, column in inputs.items():
        cell = column[row]
        if isinstance(cell, str):
            text = cell
        elif not np.isfinite(cell):
            text = ""
        elif name in dates:
            text = str(np.datetime64(int(cell), "D"))
        else:
            text = f"{float(cell):g}"
        cells += [f"{name} {text}"] if text else []
    return ", ".join(cells)


def mistakes_text(
    scores: Classification, mistakes: Sequence[Mistake]
) -> Iterable[str]:
    """Yields a printed summary of mistakes, for 80 columns."""
    for each in most_confused(scores, most=PRINTED):
        true, predicted = (
            printed_text.cut_middle(n, 26) for n in (each.true, each.predicted)
        )
        yield f"{true} called {predicted}: {each.share_text}"
    if mistakes:
        yield ""
        yield "most wrong"
    for row in mistakes[:PRINTED]:
        true, predicted = (
            printed_text.cut_middle(n, 18) for n in (row.true, row.predicted)
        )
        yield _with_row(
            f"{true} called {predicted}: {row.probability:.0%}", row
        )


def _with_row(head, row):
    """Returns a line that ends in as much of a row as there is room for."""
    columns_left = printed_text.COLUMNS - printed_text.width(head) - 2
    what = printed_text.cut_middle(row.content or row.name, columns_left)
    return f"{head}  {what}"


def find_wrong_tags(
    labels: Any,
    probabilities: Any,
    *,
    tags: Sequence[str],
    thresholds: Any,
    names: Sequence[str],
    content: Callable[[int], str] = lambda row: "",
) -> tuple[Mistake, ...]:
    """Finds the twelve rows with the highest loss that are not all right.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`.
        tags: one str a tag.
        thresholds: floats, one a tag.
        names: one str a row: where it is from.
        content: optional function of a row number that returns the content of
            the row as text.

    Returns:
        Tuple of `Mistake`, the worst first. Its probabilities are those of
        the tag that is most wrong: that it is what the model says, and what
        it truly is.

    Example:

    >>> found = aet_keras.evaluation.mistakes.find_wrong_tags(
    ...     [[1, 0], [0, 1]], [[0.9, 0.2], [0.8, 0.7]], tags=["red", "wool"],
    ...     thresholds=[0.5, 0.5], names=["a", "b"],
    ... )
    >>> found[0].true, found[0].predicted
    ('wool', 'red, wool')
    """
    labels = np.asarray(labels, "float64")
    probabilities = np.asarray(probabilities, "float64")
    said = probabilities >= np.asarray(thresholds)
    wrong = np.flatnonzero((said != (labels > 0)).any(axis=1))
    losses = losses_of_tags(probabilities, labels)
    order = wrong[np.argsort(-losses[wrong], kind="stable")][:MOST_WRONG]

    def listed(has):
        found = [tag for tag, each in zip(tags, has, strict=True) if each]
        return ", ".join(found) or "no tag"

    made = []
    for row in map(int, order):
        of_truth = np.where(
            labels[row] > 0, probabilities[row], 1 - probabilities[row]
        )
        is_wrong = said[row] != (labels[row] > 0)
        worst = float(of_truth[is_wrong].min())
        made.append(
            Mistake(
                row=row,
                name=str(names[row]),
                true=listed(labels[row] > 0),
                predicted=listed(said[row]),
                probability=1 - worst,
                true_probability=worst,
                content=printed_text.cut(content(row), SHOWN),
            )
        )
    return tuple(made)


def wrong_tags_text(mistakes: Sequence[Mistake]) -> list[str]:
    """Returns a printed summary of rows with wrong tags, for 80 columns."""
    lines = []
    for row in mistakes[:PRINTED]:
        true, predicted = (
            printed_text.cut_middle(n, 24) for n in (row.true, row.predicted)
        )
        lines.append(_with_row(f"{true} called {predicted}", row))
    return lines
