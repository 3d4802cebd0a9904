"""Computes the loss of `Distillation` on arrays, for the head solver."""

import dataclasses

import numpy as np

from aet_keras.losses.distillation import Distillation

_LEAST = 1e-30


@dataclasses.dataclass(frozen=True)
class TaughtLoss:
    """The loss of a softmax on scores, of labels and of a teacher.

    Both terms are convex in the scores, and so is their sum: the solver finds
    its minimum as that of a cross-entropy.

    Args:
        share: float >= 0, < 1. As of `Distillation`.
        temperature: float > 0. As of `Distillation`.
    """

    share: float
    temperature: float

    columns_per_unit = 2  # of targets: the label, and the teacher

    @classmethod
    def of(cls, loss: Distillation) -> "TaughtLoss":
        """Returns what a loss object computes."""
        return cls(loss.share, loss.temperature)

    def targets(self, y: np.ndarray, units: int) -> np.ndarray | None:
        """Returns recorded targets as the label and the teacher, softened.

        Returns:
            float array `(count, 2 * units)`, or `None` where they are neither
            labels nor both. Labels alone cost their cross-entropy, which the
            share would make less.
        """
        count = len(y)
        if y.size == 2 * count * units:
            label, teacher = np.split(y.reshape(count, -1), 2, axis=1)
            logs = np.log(np.maximum(teacher, _LEAST)) / self.temperature
            return np.hstack([label, np.exp(normalised(logs))])
        if y.size == count:
            classes = y.reshape(count)
            is_known = (classes >= 0) & (classes < units)
            if not np.all(is_known & (classes == np.floor(classes))):
                return None
            y = np.eye(units, dtype="float32")[classes.astype(int)]
        if y.size != count * units:
            return None
        label = y.reshape(count, units) / (1 - self.share)
        return np.hstack([label, np.zeros_like(label)])

    def __call__(
        self, scores: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the loss of each row, and its slopes by the scores."""
        label, teacher = np.split(targets, 2, axis=1)
        share, temperature = self.share, self.temperature
        logs, softened = normalised(scores), normalised(scores / temperature)
        known = np.log(np.maximum(teacher, _LEAST))
        losses = -(1 - share) * (label * logs).sum(axis=1)
        divergence = (teacher * (known - softened)).sum(axis=1)
        losses += share * temperature**2 * divergence
        slopes = (1 - share) * slopes_of(logs, label)
        slopes += share * temperature * slopes_of(softened, teacher)
        return losses, slopes


def normalised(scores: np.ndarray) -> np.ndarray:
    """Returns the logarithms of a softmax."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def slopes_of(logs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns the slopes of the cross-entropy by the scores of a softmax."""
    return np.exp(logs) * targets.sum(axis=1, keepdims=True) - targets
