"""Says whether new rows differ from those a model knows, and how."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aet_keras._files import plain

KINDS = ("none", "label", "input", "output", "unexplained")
LEAST_ROWS = 30
_MOST_NAMED = 5
SENTENCES = {
    "none": "No shift was found.",
    "label": "Shifted: other shares of the classes explain it.",
    "input": "Shifted: the inputs look different, within classes too.",
    "output": "Shifted: the inputs look the same, and more answers are wrong.",
    "unexplained": "Shifted, and these rows do not tell how.",
}
NUMBER_SENTENCES = {
    "none": SENTENCES["none"],
    "input": "Shifted: the inputs, or what is predicted, look different.",
    "output": "Shifted: the inputs look the same, and errors are larger.",
    "unexplained": SENTENCES["unexplained"],
}


def note_few(row_count: int) -> Iterator[str]:
    """Yields what few rows cannot show; nothing of 30 and more."""
    if row_count < LEAST_ROWS:
        yield (
            f"{row_count} rows are few: a shift that is found is one, but most "
            f"are missed, and with fewer than {LEAST_ROWS} none is named but "
            "`output`."
        )


@dataclasses.dataclass(frozen=True)
class ColumnShift:
    """Says of one column of a table how far it has moved.

    Args:
        name: str.
        p: float from 0 to 1. The p value of equal distributions, after
            Bonferroni's correction for all columns.
        test: `"ks"` for numbers and dates, `"chi-squared"` for categories.

    Example: see `compare`.

    >>> aet_keras.drift.shift.ColumnShift("age", 0.001, "ks").name
    'age'
    """

    name: str
    p: float
    test: str


@dataclasses.dataclass(frozen=True)
class Shift:
    """Says whether rows differ from a reference, and how.

    `aet_keras.drift.compare` returns it.

    Args:
        is_shifted: bool. Whether `p` is at most 0.05.
        p: float from 0 to 1. How often rows like the reference would differ
            as much: the smallest p value of all tests, times their number.
        kind: str. `"none"`; `"label"`: classes have other shares, and each
            looks as it did; `"input"`: rows look different; `"output"` (found
            with labels only): they look the same and answers are wrong more
            often; `"unexplained"`: shifted, but it is not known how.
        row_count: int. New rows.
        tests: dict from `"components"`, `"outputs"`, for tables `"columns"`,
            with labels `"accuracy"`, to the p value of each set of tests.
        corrected: dict likewise, with the reference's rows weighted as if
            its classes had the new shares; empty if nothing was found.
        priors: tuple of floats, the share of each class in the new rows, of
            a shift of the kind `"label"`; otherwise None.
        source_priors: tuple of floats, likewise of the reference.
        novel_rows: tuple of ints. The numbers of up to nine new rows that are
            farthest from all rows of the reference, the farthest first.
        novel_ratio: float from 0 to 1. New rows that are farther from the
            reference than 99 % of its own rows.
        expected_accuracy: float from 0 to 1. An estimate by the model's own
            confidence, calibrated on the reference. After a shift of inputs
            it is often much too high: it may raise an alarm, it proves
            nothing.
        accuracy: float from 0 to 1, measured; None without labels.
        source_accuracy: float from 0 to 1. Of the reference.
        columns: tuple of `ColumnShift`, those that have moved, the farthest
            first.
        notes: tuple of str. What can and cannot be said.
        class_names: tuple of str, or empty.
        source_error: float, of a model of a number: its RMSE on the rows of
            the reference, of tags the mean cross-entropy. It has no accuracies
            then: they are NaN or None.
        error: float likewise of the new rows; None without labels.
        measure: str. What these two are: `"RMSE"` or `"loss"`.

    Example: see `compare`.
    """

    is_shifted: bool
    p: float
    kind: str
    row_count: int
    tests: Mapping[str, float]
    corrected: Mapping[str, float]
    priors: tuple[float, ...] | None
    source_priors: tuple[float, ...]
    novel_rows: tuple[int, ...]
    novel_ratio: float
    expected_accuracy: float
    accuracy: float | None
    source_accuracy: float
    columns: tuple[ColumnShift, ...] = ()
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    source_error: float | None = None
    error: float | None = None
    measure: str = "RMSE"

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return plain(dataclasses.asdict(self))

    def to_text(self, row_names: Sequence[str] = ()) -> str:
        """Returns it for a person, a few lines.

        Args:
            row_names: optional sequence of str, one a new row. Defaults to
                their numbers.
        """
        return "\n".join(self._lines(row_names))

    def _lines(self, row_names):
        is_number = self.source_error is not None
        sentence = (NUMBER_SENTENCES if is_number else SENTENCES)[self.kind]
        yield f"{sentence} p = {self.p:.2g}, {self.row_count} rows"
        yield f"kind: {self.kind}"
        yield f"tests: {_shown(self.tests)}"
        if self.corrected:
            yield f"with new shares of classes: {_shown(self.corrected)}"
        if self.priors is not None:
            yield f"shares of classes: {self._moved_priors()}"
        if self.columns:
            moved = [f"{c.name} (p = {c.p:.2g})" for c in self.columns]
            more = len(moved) - _MOST_NAMED
            ending = f" and {more} more" if more > 0 else ""
            yield f"moved columns: {', '.join(moved[:_MOST_NAMED])}{ending}"
        if is_number:
            now = "not known" if self.error is None else f"{self.error:.5g}"
            yield f"{self.measure}: {self.source_error:.5g} to {now}"
        elif self.accuracy is not None:
            yield f"accuracy: {self.source_accuracy:.3f} to {self.accuracy:.3f}"
        else:
            yield (
                f"accuracy: {self.source_accuracy:.3f} to about "
                f"{self.expected_accuracy:.3f}, by the model's own confidence"
            )
        rows = ", ".join(
            row_names[row] if row_names else str(row) for row in self.novel_rows
        )
        yield f"most novel rows: {rows}; {self.novel_ratio:.0%} are novel"
        yield from self.notes

    def _moved_priors(self):
        pairs = list(zip(self.source_priors, self.priors, strict=True))
        order = sorted(
            range(len(pairs)), key=lambda c: -abs(pairs[c][1] - pairs[c][0])
        )
        names = self.class_names or tuple(map(str, range(len(pairs))))
        return ", ".join(
            f"{names[c]} {pairs[c][0]:.2f} to {pairs[c][1]:.2f}"
            for c in order[:_MOST_NAMED]
        )


def _shown(tests):
    return ", ".join(f"{name} p = {p:.2g}" for name, p in tests.items())
