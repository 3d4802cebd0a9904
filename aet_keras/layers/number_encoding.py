"""Encodes numbers, some of which may be missing."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from aet_keras import _check, _serial

_FARTHEST = 1e6


@_serial.register
class NumberEncoding(keras.layers.Layer):
    """Standardises a number, says whether it is there, and cuts it in bins.

    A missing number (NaN) is `fill` in all that follows; one below `low` or
    above `high` is that, but for periods. The outputs are (x - mean) / scale,
    at most 1e6 from 0; 1 where x was missing, else 0; for each two knots a, b
    that follow each other min(max((x - a) / (b - a), 0), 1), how much of the
    bin is below x, so that a linear layer on them may bend at each knot; and
    for each period p sin(2 pi x / p), cos(2 pi x / p). It learns nothing: all
    it needs is measured beforehand.

    Args:
        mean: float. Defaults to `0.0`.
        scale: float > 0. Defaults to `1.0`.
        fill: float. What stands in for a missing number. Defaults to `0.0`.
        knots: sequence of floats, ascending, none or at least 2. Defaults to
            none.
        periods: sequence of floats > 0: `7` for the day of the week where a
            number counts days. Defaults to none.
        low: optional float. What a smaller number is taken for, so that one
            far from all that was learned, such as a slip of the decimal
            point, has no far answer. Defaults to no bound.
        high: optional float, at least `low`. What a larger number is taken
            for. Defaults to no bound.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`.

    Call arguments:
        inputs: float tensor `(batch, 1)`, NaN where missing.

    Returns:
        Tensor `(batch, 2 + bins + 2 * periods)`.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if one is out of its range, or the knots do not ascend.

    Example:

    >>> layer = aet_keras.layers.NumberEncoding(fill=2.0, knots=[0, 1, 4])
    >>> layer(np.array([[0.5], [np.nan]], "float32")).numpy()
    array([[0.5 , 0.  , 0.5 , 0.  ],
           [2.  , 1.  , 1.  , 0.33...]], dtype=float32)

    Reference:
        [Gorishniy et al., 2022](https://arxiv.org/abs/2203.05556), piecewise
        linear encoding. Differs: the standardised number stands beside the
        bins, and goes on where the last one ends.
    """

    def __init__(
        self,
        mean: float = 0.0,
        scale: float = 1.0,
        fill: float = 0.0,
        knots: Sequence[float] = (),
        periods: Sequence[float] = (),
        low: float | None = None,
        high: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.mean = _check.number(self, mean=mean)
        self.scale = _check.positive(self, scale=scale)
        self.fill = _check.number(self, fill=fill)
        self.knots = [_check.number(self, knots=knot) for knot in knots]
        self.periods = [_check.positive(self, periods=each) for each in periods]
        self.low = None if low is None else _check.number(self, low=low)
        self.high = None if high is None else _check.number(self, high=high)
        if low is not None and high is not None and low > high:
            raise ValueError(
                "NumberEncoding: `low` must be at most `high`. Received: "
                f"low={low}, high={high}."
            )
        pairs = zip(self.knots, self.knots[1:], strict=False)
        if len(self.knots) == 1 or any(a >= b for a, b in pairs):
            raise ValueError(
                "NumberEncoding: `knots` must ascend, none or at least 2, "
                "because each two bound a bin. Received: "
                f"knots={self.knots}. Sort them and drop those that are equal."
            )

    @property
    def width(self) -> int:
        """Returns how many numbers one becomes."""
        return 2 + max(0, len(self.knots) - 1) + 2 * len(self.periods)

    def call(self, inputs):
        is_missing = ops.isnan(inputs)
        x = ops.where(is_missing, ops.cast(self.fill, inputs.dtype), inputs)
        near = x
        if self.low is not None:
            near = ops.maximum(near, ops.cast(self.low, x.dtype))
        if self.high is not None:
            near = ops.minimum(near, ops.cast(self.high, x.dtype))
        # The square of 1e20, which some files write for a gap, is infinite in
        # float32, and answers of such a row would be NaN.
        far = ops.clip((near - self.mean) / self.scale, -_FARTHEST, _FARTHEST)
        parts = [far, ops.cast(is_missing, x.dtype)]
        for a, b in zip(self.knots, self.knots[1:], strict=False):
            parts.append(ops.clip((near - a) / (b - a), 0, 1))
        for period in self.periods:
            angle = x * (2 * math.pi / period)
            parts += [ops.sin(angle), ops.cos(angle)]
        return ops.concatenate(parts, axis=-1)  # (batch, width)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.width)

    def get_config(self):
        arguments = _serial.arguments(self, of=NumberEncoding)
        return {**super().get_config(), **arguments}
