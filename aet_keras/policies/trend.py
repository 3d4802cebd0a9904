"""Measures the trend and the noise of a loss."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Trend:
    """Describes the batch losses of one epoch.

    Args:
        level: float. Their mean.
        noise: float >= 0. Standard deviation around the straight line that
            fits them best, so that a falling loss is not taken for noise.
        count: int >= 0. How many there were; those that are not finite do
            not count.

    Example:

    >>> trend = aet_keras.policies.trend.Trend.of([4.0, 3.0, 2.0, 1.0])
    >>> trend.level, round(trend.noise, 6), trend.count
    (2.5, 0.0, 4)
    """

    level: float
    noise: float
    count: int

    @classmethod
    def of(cls, losses: Sequence[float]) -> "Trend":
        """Returns the trend of some batch losses, in their order."""
        kept = np.asarray(losses, "float64")
        kept = kept[np.isfinite(kept)]
        if len(kept) < 3:
            level = float(kept.mean()) if len(kept) else math.nan
            return cls(level=level, noise=0.0, count=len(kept))
        steps = np.arange(len(kept)) - (len(kept) - 1) / 2
        slope = (steps @ kept) / (steps @ steps)
        rest = kept - kept.mean() - slope * steps
        noise = math.sqrt((rest @ rest) / (len(kept) - 2))
        return cls(float(kept.mean()), noise, len(kept))

    @property
    def complexity(self) -> float:
        """Noise as a share of the level: how unlike the batches are."""
        return self.noise / max(abs(self.level), 1e-12)

    @property
    def error(self) -> float:
        """Standard error of the level: noise / sqrt(count)."""
        return self.noise / math.sqrt(max(self.count, 1))
