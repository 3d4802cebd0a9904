"""Holds and draws what a learning-rate range test found."""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path

from aet_keras import _files
from aet_keras.evaluation import chart_fonts

_DIVERGED = 4.0  # times the lowest loss so far


@dataclasses.dataclass(frozen=True)
class RateRange:
    """Holds the loss at each rate of a range test, and what they suggest.

    The suggestion is a tenth of the rate at which the smoothed loss was
    lowest. Beyond that rate steps are too long for this loss; a factor of ten
    below it they still are long, yet safe. Of the rules in use this one
    depends least on where the test began and on the number of its steps.

    Args:
        rates: tuple of floats > 0, rising.
        losses: tuple of floats, one a rate. The last may be infinite or NaN.
        smoothed_losses: tuple of floats, one a rate: means of the losses so
            far, weighing less the older they are.
        suggestion: float, or None where the loss never fell.
        why: str. How the suggestion came about, in one sentence.

    Example:

    >>> found = aet_keras.training.rate_range.RateRange.of(
    ...     [1e-4, 1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.9, 1.4, 0.8, 9.0],
    ...     smoothing=0.0,
    ... )
    >>> round(found.suggestion, 6), found.why
    (0.01, 'a tenth of 0.1, where the loss was lowest before it rose')

    Reference:
        [Smith, 2017](https://arxiv.org/abs/1506.01186), the range test;
        [Gugger, 2018](https://sgugger.github.io/how-do-you-find-a-good-learning-rate.html),
        a tenth of the lowest point.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed_losses: tuple[float, ...]
    suggestion: float | None
    why: str

    @classmethod
    def of(
        cls,
        rates: Sequence[float],
        losses: Sequence[float],
        *,
        smoothing: float = 0.8,
    ) -> "RateRange":
        """Returns the record of a test, with its suggestion.

        Args:
            rates: sequence of floats > 0, rising.
            losses: sequence of floats, one a rate, at least one of them
                finite.
            smoothing: float from 0 to less than 1. What a loss weighs beside
                the one after it. Defaults to `0.8`.
        """
        smoothed = smooth(losses, smoothing)
        suggestion, why = _suggest(rates, smoothed)
        return cls(
            tuple(map(float, rates)),
            tuple(map(float, losses)),
            tuple(smoothed),
            suggestion,
            why,
        )

    def draw(self, path: str | os.PathLike) -> Path:
        """Draws the losses over the rates as a PNG; returns its path."""
        return _files.write_whole(path, _chart(self))

    def save(self, path: str | os.PathLike) -> Path:
        """Writes the record as JSON; NaN and infinities become `null`."""
        content = _files.json_bytes(dataclasses.asdict(self))
        return _files.write_whole(path, content)


def smooth(losses: Sequence[float], smoothing: float) -> list[float]:
    """Returns at each step a mean of the losses so far, last heaviest."""
    means, total, weight = [], 0.0, 0.0
    for loss in losses:
        total = smoothing * total + float(loss)
        weight = smoothing * weight + 1.0
        means.append(total / weight)
    return means


def has_diverged(smoothed: Sequence[float]) -> bool:
    """Whether a smoothed loss is above four times the lowest, or not finite.

    Of a loss near zero or below, a thousandth of the first, or its size,
    stands in for the lowest: rounding alone may quadruple what is nothing.
    """
    lowest = min(smoothed)
    scale = max(abs(lowest), 1e-3 * abs(smoothed[0]))
    high = lowest + (_DIVERGED - 1) * scale
    return not smoothed[-1] <= high or math.isinf(smoothed[-1])


def _suggest(rates, smoothed):
    finite = [x if math.isfinite(x) else math.inf for x in smoothed]
    lowest = finite.index(min(finite))
    rate = float(rates[lowest])
    if rate / 10 < rates[0]:
        return None, (
            f"the loss was lowest at {rate:.3g}, less than ten times above "
            f"the first rate, {rates[0]:.3g}: start lower, or look at the loss"
        )
    if lowest == len(rates) - 1:
        return rate / 10, (
            f"a tenth of {rate:.3g}, the last rate tried; the loss still fell"
        )
    return rate / 10, (
        f"a tenth of {rate:.3g}, where the loss was lowest before it rose"
    )


def _chart(measured) -> bytes:
    """Returns the chart of a `RateRange`, losses over rates."""
    figure = chart_fonts.new_figure(8, 5, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.plot(
        measured.rates,
        measured.losses,
        ".",
        color=chart_fonts.BLUE,
        alpha=0.45,
        label="loss of one step",
    )
    axes.plot(
        measured.rates,
        measured.smoothed_losses,
        color=chart_fonts.BLUE,
        linewidth=2,
        label="smoothed",
    )
    if measured.suggestion is not None:
        axes.axvline(
            measured.suggestion,
            color=chart_fonts.ORANGE,
            linestyle="--",
            label=f"suggestion: {measured.suggestion:.3g}",
        )
    axes.set_ylim(*_limits(measured.smoothed_losses))
    chart_fonts.style(axes, "")
    axes.set_title(measured.why, fontsize=10, wrap=True)
    axes.set(xlabel="learning rate (log scale)", ylabel="training loss")
    axes.legend(frameon=False, fontsize=9)
    return chart_fonts.png_of(figure)


def _limits(losses):
    """Shows the way down, and as much of the way up, which may be endless."""
    losses = [loss for loss in losses if math.isfinite(loss)]
    low = min(losses)
    span = max(losses[: losses.index(low) + 1]) - low or abs(low) or 1.0
    return low - 0.15 * span, low + 1.3 * span
