"""Sets the rate by the noise of the gradient."""

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from aet_keras import _check as check
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress


@dataclass(eq=False, repr=False)
class AdaptToNoise(Policy):
    """Lowers the rate as noise comes to outweigh the gradient.

    rate = start / (1 + B / batch), where B = tr(S) / |G|^2 is the gradient
    noise scale: the covariance of one example's gradient over the square of
    the true one. B / batch, the noise of one batch's gradient over its
    signal, follows from gradients over an interval of n batches, with
    small = mean of |g|^2 and big = |mean of g|^2, all weights together:

        signal = (n * big - small) / (n - 1)      estimates |G|^2
        noise  = (small - big) * n / (n - 1)      estimates tr(S) / batch

    Either is unbiased alone, and single intervals scatter; both are averaged
    over intervals before they are divided. The averages start again when
    groups freeze or thaw. Without a signal the rate is the least.

    Args:
        every_batches: int >= 2. Length of an interval. Defaults to `10`.
        smoothing: float from 0 to less than 1. What an average keeps of
            itself at each interval. Defaults to `0.9`.
        least_ratio: float above 0, at most 1. The rate never falls below this
            share of the rate it started with. Defaults to `0.01`.

    State:
        `signal`, `noise`: the averages, not yet divided by `weight`, which
        grows to 1; `trainable`: which groups moved last.

    Example:

    >>> policy = aet_keras.policies.AdaptToNoise()
    >>> arrays = {
    ...     "gradient_square_norms": 4.0,
    ...     "mean_gradient_square_norm": 2.2,
    ...     "interval_batches": 10,
    ... }
    >>> decision = policy.decide(
    ...     aet_keras.policies.Progress(start_rate=0.1, arrays=arrays)
    ... )
    >>> round(decision.rate, 6), decision.why
    (0.05, 'noise is 1 x the signal')

    Reference:
        [McCandlish et al., 2018](https://arxiv.org/abs/1812.06162), appendix
        A.1. Differs: the gradients of an interval are those of successive
        weights, so their drift counts as noise.
    """

    needs = frozenset(
        {
            "gradient_square_norms",
            "mean_gradient_square_norm",
            "interval_batches",
        }
    )
    start_state = {"signal": 0.0, "noise": 0.0, "weight": 0.0, "trainable": []}

    every_batches: int = option(10, check.whole, least=2)
    _: KW_ONLY
    smoothing: float = option(0.9, check.number, least=0, most=0.999)
    least_ratio: float = option(0.01, check.positive_ratio)

    def decide(self, progress: Progress) -> Decision:
        measured = _measure(progress.arrays)
        if measured is None:
            return Decision()
        if self.state["trainable"] != list(progress.trainable):
            self.reset()
            self.state["trainable"] = list(progress.trainable)
        for name, value in zip(("signal", "noise"), measured, strict=True):
            self._average(name, value)
        self._average("weight", 1.0)
        ratio = self._noise_ratio()
        share = max(self.least_ratio, 1.0 / (1.0 + ratio))
        return Decision(
            rate=progress.start_rate * share,
            why=f"noise is {ratio:.3g} x the signal",
        )

    def _average(self, name, value):
        kept = self.smoothing * self.state[name]
        self.state[name] = kept + (1.0 - self.smoothing) * value

    def _noise_ratio(self):
        noise = max(0.0, self.state["noise"])
        if self.state["signal"] > 0.0:
            return noise / self.state["signal"]
        return math.inf if noise else 0.0


def _measure(arrays):
    """Returns (signal, noise) of an interval, or None where it has none."""
    count = int(arrays.get("interval_batches", 0))
    if count < 2:
        return None
    small = float(np.sum(arrays["gradient_square_norms"]))
    big = float(np.sum(arrays["mean_gradient_square_norm"]))
    if not math.isfinite(small + big):
        return None
    signal = (count * big - small) / (count - 1)
    return signal, (small - big) * count / (count - 1)
