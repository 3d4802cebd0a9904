"""Measures how much of its old task a model still knows."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Forgetting:
    """Holds how well a model did on its old task before and after.

    `measure_forgetting` makes it.

    Args:
        before: float. Accuracy on the old task before the model adapted.
        after: float. Accuracy on it afterwards.
        forgotten_count: int. Rows that were right and are wrong now.
        learned_count: int. Rows that were wrong and are right now.
        count: int. How many rows of the old task were looked at.

    Example:

    >>> aet_keras.evaluation.forgetting.Forgetting(0.75, 0.5, 2, 1, 4).to_text()
    'accuracy 0.7500 before, 0.5000 after; of 4, 2 forgotten, 1 learned'
    """

    before: float
    after: float
    forgotten_count: int
    learned_count: int
    count: int

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Forgetting":
        """Returns the record that `to_json` wrote down."""
        return cls(**content)

    def to_text(self) -> str:
        """Returns the figures in one line, for 80 columns."""
        return (
            f"accuracy {self.before:.4f} before, {self.after:.4f} after; of "
            f"{self.count}, {self.forgotten_count} forgotten, "
            f"{self.learned_count} learned"
        )


def measure_forgetting(labels: Any, *, before: Any, after: Any) -> Forgetting:
    """Measures the old task before and after a model adapted.

    Predict the old task's examples twice, before `fit` and after it. A head
    that was replaced has to be put back for the second time.

    Args:
        labels: ints `(examples,)`. The column of the true class.
        before: floats `(examples, classes)`. Scores of the classes before;
            the highest one is the answer.
        after: floats `(examples, classes)`. Scores afterwards; it may have
            more classes.

    Returns:
        A `Forgetting`.

    Raises:
        ValueError: if there are no examples, not one row of scores for each
            label, or NaN among the scores.

    Example:

    >>> forgetting = aet_keras.evaluation.measure_forgetting(
    ...     [0, 1],
    ...     before=[[0.9, 0.1], [0.2, 0.8]],
    ...     after=[[0.9, 0.1], [0.7, 0.3]],
    ... )
    >>> forgetting.before, forgetting.after, forgetting.forgotten_count
    (1.0, 0.5, 1)
    """
    labels = np.asarray(labels)
    was = _is_right(labels, before=before)
    now = _is_right(labels, after=after)
    return Forgetting(
        before=float(was.mean()),
        after=float(now.mean()),
        forgotten_count=int((was & ~now).sum()),
        learned_count=int((now & ~was).sum()),
        count=len(labels),
    )


def _is_right(labels, **named):
    ((name, scores),) = named.items()
    scores = np.asarray(scores)
    is_column = labels.ndim == 1 and len(labels)
    if not is_column or scores.ndim != 2 or len(scores) != len(labels):
        raise ValueError(
            f"measure_forgetting: `{name}` must hold one row of scores for "
            f"each label, at least one. Received: shape {scores.shape} for "
            f"labels of shape {labels.shape}. One-hot labels become classes "
            "by `labels.argmax(axis=1)`."
        )
    if np.isnan(scores).any():
        raise ValueError(
            f"measure_forgetting: `{name}` must hold numbers, because NaN is "
            f"no answer. Received: NaN in {np.isnan(scores).any(axis=1).sum()} "
            "rows. Train with a lower rate."
        )
    return scores.argmax(axis=1) == labels
