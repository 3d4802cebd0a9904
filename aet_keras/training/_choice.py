"""Chooses among remedies that were tried, by what labels say."""

import dataclasses
from typing import Any

import numpy as np

from aet_keras.drift.paired_gain import count_looks
from aet_keras.drift.target_kinds import TargetKind
from aet_keras.training._remedies import Trained


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """Holds what a remedy learned from half of the labels.

    Args:
        name: str. The remedy; empty for none.
        weights: list of arrays. What it ended with.
        trained: optional `Trained`, where groups have trained.
        errors: floats `(rows,)`. How wrong each answer is, of the labelled
            rows held out: of classes 0 or 1.
        losses: floats `(rows,)`. The loss of each.
        drop: float. What is lost on old rows held out, as a gain is
            measured; 0 without any.
        kind: `TargetKind`.
        state: what it ended with beside weights, of a `Target`.
        turned: optional `Trial` in which the halves have changed places:
            what is solved at once is judged by all labels so.
    """

    name: str
    weights: list
    trained: Trained | None
    errors: np.ndarray
    losses: np.ndarray
    drop: float
    kind: TargetKind
    state: Any = None
    turned: "Trial | None" = None

    @property
    def figure(self) -> float:
        """The measure of the rows held out, which `kind` names."""
        return self.kind.figure(self.errors)

    @property
    def all_errors(self) -> np.ndarray:
        """Those of the rows held out, and of the others where turned."""
        if self.turned is None:
            return self.errors
        return np.append(self.errors, self.turned.errors)

    def is_better(self, other: "Trial") -> bool:
        """Says whether less is wrong, by a standard error of the difference.

        Or not more by one, where a head was solved and the loss is lower by
        a standard error: that tells more than answers of few rows do. What
        has trained on few rows may be too sure for that.
        """
        pairs = [pair[::-1] for pair in self._beside(other)]
        more, error = _difference(pairs, "errors")
        if self.trained is not None or more > error:
            return more > error
        fallen, of_loss = _difference(pairs, "losses")
        return more >= -error and fallen > of_loss

    def gain_over(self, other: "Trial") -> float:
        """Returns how much less is wrong, as a gain is measured; at least 0."""
        now, was = (
            np.concatenate([each.errors for each in side])
            for side in zip(*self._beside(other), strict=True)
        )
        return max(0.0, self.kind.mean_gain(was, now))

    def _beside(self, other):
        """Returns pairs of both that have judged the same rows."""
        if self.turned is None or other.turned is None:
            return [(self, other)]
        return [(self, other), (self.turned, other.turned)]


def _difference(pairs, figure):
    """Returns how much more first ones have, and how much is chance."""
    more = np.concatenate(
        [
            np.subtract(getattr(one, figure), getattr(two, figure), dtype=float)
            for one, two in pairs
        ]
    )
    return float(more.sum()), float(np.sqrt(np.square(more).sum()))


class Looks:
    """Remembers each change that labels have judged, of the same model.

    Args:
        row_count: int. How many labelled rows there are.
    """

    def __init__(self, row_count: int):
        self._row_count = row_count
        self._differences: list[np.ndarray] = []

    def add(self, *judged: tuple[Any, np.ndarray, np.ndarray]) -> None:
        """Adds a change, by the rows that have judged it.

        Args:
            *judged: row numbers, the errors of the model as it was and those
                of the changed one; several of these have rows of their own.
        """
        made = np.zeros(self._row_count)
        for places, before, after in judged:
            made[places] = before - after
        self._differences.append(made)

    @property
    def count(self) -> int:
        """As how many changes they count; those that are alike as fewer."""
        if not self._differences:
            return 1
        return count_looks(np.stack(self._differences))


def best_of(
    trials: list[Trial], forgets_at_most: float, *, keeps_old: bool
) -> Trial:
    """Returns the trial to keep, the first being to do nothing.

    What is not better than that by a standard error is left out. If old rows
    are to be kept, it is the one with the highest worth. If not, the best of
    those that forget no more than is allowed, if it brings half of what the
    best of all brings; else that one. The earlier of equals, but nothing only
    where that is the best.
    """
    nothing = trials[0]
    better = [each for each in trials if each.is_better(nothing)]
    gains = [each.gain_over(nothing) for each in better]
    pairs = [*zip(better, gains, strict=True), (nothing, 0.0)]
    if keeps_old:
        return max(
            pairs,
            key=lambda pair: worth(pair[1], pair[0].drop, forgets_at_most),
        )[0]
    best, most = max(pairs, key=lambda pair: pair[1])
    allowed = [
        (trial, gain)
        for trial, gain in pairs
        if trial.drop <= forgets_at_most and gain >= most / 2
    ]
    if best is nothing:
        return nothing
    return max(allowed or [(best, most)], key=lambda pair: pair[1])[0]


def worth(gain: float, drop: float, forgets_at_most: float) -> float:
    """Returns a gain less what is forgotten beyond what may be."""
    return gain - max(0.0, drop - forgets_at_most)
