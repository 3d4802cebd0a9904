"""Says which class is answered, where that need not be the likeliest."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from aet_keras.evaluation.ordinal import medians


@dataclasses.dataclass(frozen=True)
class AnswerRule:
    """Says which class a classifier answers with.

    Of classes with an order it is the median, where errors cost differently
    the class that costs least, else the likeliest. A `SavedModel` answers by
    the same rule (`aet_keras.export.answers`), so that figures are those of
    what is answered.

    Args:
        is_ordered: bool. Whether the classes have an order.
        called_from: optional tuple, of two classes whose errors cost
            differently: which is positive, 0 or 1, and from which probability
            on a row is called so.

    Example:

    >>> from aet_keras.evaluation.answer_rule import AnswerRule
    >>> AnswerRule(called_from=(1, 0.2)).answers([[0.7, 0.3], [0.9, 0.1]])
    array([1, 0])
    """

    is_ordered: bool = False
    called_from: tuple[int, float] | None = None

    @property
    def answered(self) -> str:
        """What is answered: `"median"`, `"cheapest"` or `"likeliest"`."""
        if self.called_from is not None:
            return "cheapest"
        return "median" if self.is_ordered else "likeliest"

    def answers(self, probabilities: Any) -> np.ndarray:
        """Returns the class that each row is answered with, ints `(rows,)`.

        Args:
            probabilities: floats `(rows, classes)`.
        """
        probabilities = np.asarray(probabilities)
        if self.called_from is not None:
            positive, least = self.called_from
            is_called = probabilities[:, positive].astype("float64") >= least
            return np.where(is_called, positive, 1 - positive)
        if self.is_ordered:
            return medians(probabilities)
        return probabilities.argmax(axis=1)

    def to_numbers(self) -> tuple[float, ...]:
        """Returns it as one float, or three, for a file of arrays."""
        return (float(self.is_ordered), *(self.called_from or ()))

    @classmethod
    def of_numbers(cls, numbers: Iterable[float]) -> "AnswerRule":
        """Returns the rule that `to_numbers` gave; of none the likeliest."""
        is_ordered, *called = [float(each) for each in numbers] or [0.0]
        called_from = (int(called[0]), called[1]) if called else None
        return cls(bool(is_ordered), called_from)


LIKELIEST = AnswerRule()
