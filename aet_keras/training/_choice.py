"""Chooses among remedies that were tried, by what labels say."""

import dataclasses

import numpy as np

from aet_keras.training._remedies import Trained

_LEAST_PROBABILITY = 1e-7  # as Keras has it


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """Holds what a remedy learned from half of the labels.

    Args:
        name: str. The remedy; empty for none.
        weights: list of arrays. What it ended with.
        trained: optional `Trained`, where groups have trained.
        answers: ints `(rows,)`, of the labelled rows held out.
        is_right: bools `(rows,)`.
        losses: floats `(rows,)`. Cross-entropy of each.
        drop: float. Accuracy lost on old rows held out; 0 without any.
        turned: optional `Trial` in which the halves have changed places:
            what is solved at once is judged by all labels so.
    """

    name: str
    weights: list
    trained: Trained | None
    answers: np.ndarray
    is_right: np.ndarray
    losses: np.ndarray
    drop: float
    turned: "Trial | None" = None

    @classmethod
    def of(
        cls,
        name: str,
        weights: list,
        trained: Trained | None,
        told: tuple[np.ndarray, np.ndarray],
        drop: float,
    ) -> "Trial":
        """Returns a trial from probabilities and labels of rows held out."""
        probabilities, labels = told
        answers = probabilities.argmax(axis=1)
        of_labels = probabilities[np.arange(len(labels)), labels]
        losses = -np.log(np.maximum(of_labels, _LEAST_PROBABILITY))
        right = answers == labels
        return cls(name, weights, trained, answers, right, losses, drop)

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.is_right))

    @property
    def all_answers(self) -> np.ndarray:
        """Those of the rows held out, and of the others where turned."""
        if self.turned is None:
            return self.answers
        return np.append(self.answers, self.turned.answers)

    def is_better(self, other: "Trial") -> bool:
        """Says whether more is right, by a standard error of the difference.

        Or not fewer by one, where a head was solved and the loss is lower by
        a standard error: that tells more than answers of few rows do. What
        has trained on few rows may be too sure for that.
        """
        pairs = self._beside(other)
        more, error = _difference(pairs, "is_right")
        if self.trained is not None or more > error:
            return more > error
        fallen, of_loss = _difference([pair[::-1] for pair in pairs], "losses")
        return more >= -error and fallen > of_loss

    def gain_over(self, other: "Trial") -> float:
        """Returns how much more is right, a share; at least 0."""
        pairs = self._beside(other)
        count = sum(len(each.is_right) for each, _ in pairs)
        return max(0.0, _difference(pairs, "is_right")[0] / count)

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


def worth(accuracy: float, drop: float, forgets_at_most: float) -> float:
    """Returns accuracy less what is forgotten beyond what may be."""
    return accuracy - max(0.0, drop - forgets_at_most)
