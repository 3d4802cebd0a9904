"""Brings what a network puts out into the unit of a number."""

import dataclasses
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check

NUMBER = "number"  # the last layer of a model of a number
VALUE = "value"  # the head of one, of mean 0 and spread 1
_UNIT = "unit"  # the layer that gives mean and spread
_ENDS = (  # the last layers of a model that `Unit.apply` ended
    [(keras.layers.Rescaling, _UNIT), (keras.layers.Identity, NUMBER)],
    [
        (keras.layers.Rescaling, _UNIT),
        (keras.layers.ReLU, "root"),
        (keras.layers.Multiply, "square"),
        (keras.layers.Rescaling, NUMBER),
    ],
)

_LEAST = {"softmax": 2, "sigmoid": 1, "linear": 1}  # units of a head


def check_head(owner: str, class_count: int, activation: str) -> None:
    """Raises unless a head can have so many units.

    Args:
        owner: str. Who asks.
        class_count: int. The units of the last layer.
        activation: `"softmax"`, `"sigmoid"` or `"linear"`.
    """
    check.one_of(owner, activation=activation, among=tuple(_LEAST))
    check.whole(owner, least=_LEAST[activation], class_count=class_count)


def head_name(activation: str) -> str:
    """Returns what the last layer of a head is called."""
    return VALUE if activation == "linear" else "probabilities"


@dataclasses.dataclass(frozen=True)
class Unit:
    """Says how a value of mean 0 and spread 1 becomes a number.

    number = value * scale + mean; or, of numbers that are never negative and
    spread the more the larger they are, the square of that (0 where it is
    negative) plus `rest`: of roots that miss by a variance, the squares are
    too small by it in the mean.

    Args:
        mean: float. Of the numbers to learn from, or of their roots.
        scale: float > 0. Their standard deviation.
        rest: optional float >= 0. The variance by which roots are missed.
            Defaults to `None`: numbers are learned as they are.

    Example:

    >>> from aet_keras.tasks.number_unit import Unit
    >>> unit = Unit(3.0, 2.0, rest=1.0)
    >>> unit.numbers(np.array([0.0, 1.0])), unit.values(np.array([9.0, 25.0]))
    (array([10., 26.]), array([0., 1.]))

    Reference:
        [Duan, 1983](https://doi.org/10.2307/2288126), smearing. Differs: of
        a square, the variance is all there is to add.
    """

    mean: float
    scale: float
    rest: float | None = None

    @classmethod
    def fitted(cls, numbers: np.ndarray, *, is_root: bool = False) -> "Unit":
        """Measures mean and scale; the rest of roots is 0 yet."""
        numbers = np.asarray(numbers, "float64")
        rooted = np.sqrt(numbers) if is_root else numbers
        scale = float(rooted.std()) or 1.0
        return cls(float(rooted.mean()), scale, 0.0 if is_root else None)

    @classmethod
    def of(cls, network: keras.Model) -> "Unit":
        """Returns the unit of a model that `apply` ended."""
        level, last = network.get_layer(_UNIT), network.get_layer(NUMBER)
        is_root = isinstance(last, keras.layers.Rescaling)
        rest = float(last.offset) if is_root else None
        return cls(float(level.offset), float(level.scale), rest)

    def values(self, numbers: Any) -> np.ndarray:
        """Returns numbers as a network learns them, float64."""
        numbers = np.asarray(numbers, "float64")
        if self.rest is not None:
            numbers = np.sqrt(np.maximum(numbers, 0))
        return (numbers - self.mean) / self.scale

    def numbers(self, values: Any) -> np.ndarray:
        """Returns what a network put out as numbers, float64."""
        found = np.asarray(values, "float64") * self.scale + self.mean
        if self.rest is None:
            return found
        return np.maximum(found, 0) ** 2 + self.rest

    def apply(self, values: Any) -> Any:
        """Does `numbers` by layers of Keras, of a symbolic tensor."""
        kind = {"dtype": "float32"}
        x = keras.layers.Rescaling(
            self.scale, offset=self.mean, name=_UNIT, **kind
        )(values)
        if self.rest is None:
            return keras.layers.Identity(name=NUMBER, **kind)(x)
        x = keras.layers.ReLU(name="root", **kind)(x)
        x = keras.layers.Multiply(name="square", **kind)([x, x])
        return keras.layers.Rescaling(
            1.0, offset=self.rest, name=NUMBER, **kind
        )(x)


def value_end(model: keras.Model) -> tuple[Any, Unit | None]:
    """Returns the tensor that a model brings into a unit, and this unit.

    Of a model that `Unit.apply` did not end, its output and `None`.
    """
    # A user's layers may have these names, too, and mean something else.
    ends = [(type(each), each.name) for each in model.layers]
    if not any(ends[-len(each) :] == each for each in _ENDS):
        return model.outputs[0], None
    return model.get_layer(_UNIT).input, Unit.of(model)
