"""Holds what an earlier model answers on the test rows of a new one."""

import dataclasses
from typing import Any

from aet_keras.evaluation.printed_text import cut_middle

_MOST_NAME = 40


@dataclasses.dataclass(frozen=True)
class EarlierModel:
    """Holds how good an earlier model and a new one are on the same rows.

    The rows are test rows of classes, or the tags are those, that both know.

    Args:
        name: str. Path of the earlier version.
        measure: str. `"accuracy"`, `"MAE"`, or `"F1"` of a row's tags.
        before: float. Of the earlier model.
        after: float. Of the new one.
        low: float. The gain is above it with a confidence of 95 %: of
            accuracy and F1 a difference, of MAE the share that is gone.
        high: float. The gain is below it, likewise.
        count: int. How many rows were looked at.

    Example:

    >>> from aet_keras.evaluation.earlier_model import EarlierModel
    >>> found = EarlierModel("old/1", "accuracy", 0.5, 0.7, 0.1, 0.3, 90)
    >>> print(found.to_text())
    accuracy on 90 rows  0.5000 of `old/1`, 0.7000 now: better
    """

    name: str
    measure: str
    before: float
    after: float
    low: float
    high: float
    count: int

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "EarlierModel":
        """Returns the record that `dataclasses.asdict` made a dict of."""
        return cls(**content)

    @property
    def verdict(self) -> str:
        """Whether the new model is better, as far as chance lets it be seen."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "the difference can be chance"

    def to_text(self) -> str:
        """Returns the figures in one line, for 80 columns."""
        name = cut_middle(self.name, _MOST_NAME)
        return (
            f"{self.measure} on {self.count} rows  {self.before:.4f} of "
            f"`{name}`, {self.after:.4f} now: {self.verdict}"
        )
