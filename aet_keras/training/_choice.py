"""Chooses among remedies that were tried, by what labels say."""

import dataclasses

import numpy as np

from aet_keras.training._remedies import Trained


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """Holds what a remedy learned from half of the labels.

    Args:
        name: str. The remedy; empty for none.
        weights: list of arrays. What it ended with.
        trained: optional `Trained`, where groups have trained.
        answers: ints `(rows,)`, of the labelled rows held out.
        is_right: bools `(rows,)`.
        drop: float. Accuracy lost on old rows held out; 0 without any.
    """

    name: str
    weights: list
    trained: Trained | None
    answers: np.ndarray
    is_right: np.ndarray
    drop: float

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.is_right))

    def is_better(self, other: "Trial") -> bool:
        """Says whether more is right, by a standard error of the difference."""
        more = int(np.sum(self.is_right)) - int(np.sum(other.is_right))
        return more > np.sqrt(np.sum(self.is_right != other.is_right))


def best_of(
    trials: list[Trial], forgets_at_most: float, *, keeps_old: bool
) -> Trial:
    """Returns the trial to keep, the first being to do nothing.

    What is not better than that by a standard error is left out. If old rows
    are to be kept, it is the one with the highest worth. If not, the best of
    those that forget no more than is allowed, if it brings half of what the
    best of all brings; else that one. The earlier of equals.
    """
    nothing = trials[0]
    trials = [nothing, *(each for each in trials if each.is_better(nothing))]
    if keeps_old:
        return max(
            trials,
            key=lambda each: worth(each.accuracy, each.drop, forgets_at_most),
        )
    best = max(trials, key=lambda each: each.accuracy)
    enough = (nothing.accuracy + best.accuracy) / 2
    allowed = [
        each
        for each in trials
        if each.drop <= forgets_at_most and each.accuracy >= enough
    ]
    if best is nothing:
        return nothing
    return max(allowed or [best], key=lambda each: each.accuracy)


def worth(accuracy: float, drop: float, forgets_at_most: float) -> float:
    """Returns accuracy less what is forgotten beyond what may be."""
    return accuracy - max(0.0, drop - forgets_at_most)
