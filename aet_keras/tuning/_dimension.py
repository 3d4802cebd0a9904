"""One hyperparameter: its values, and how KerasTuner declares it."""

import dataclasses
import numbers
from typing import Any

from aet_keras import _check as check

_OWNER = "ElasticSpace"
_RANGE = ("min", "max", "step", "log")


@dataclasses.dataclass(frozen=True)
class Dimension:
    """Holds the values that one name may take: choices, or a range.

    Args:
        name: str. What is tuned.
        kind: `str`, `bool`, `int` or `float`. What its values are.
        choices: tuple of values; empty for a range.
        least: int or float. The lower end of a range.
        most: int or float. The upper end, included.
        step: optional int or float. Between two values; a factor if `is_log`.
        is_log: bool. Whether each order of magnitude is as likely.
    """

    name: str
    kind: type
    choices: tuple = ()
    least: float = 0
    most: float = 0
    step: float | None = None
    is_log: bool = False

    @classmethod
    def read(cls, name: str, kind: type, given: Any) -> "Dimension":
        """Reads a value, a list or a range.

        Raises:
            TypeError: if a value is of another kind.
            ValueError: if it is none of the three, or an empty range.
        """
        if isinstance(given, dict):
            return cls._read_range(name, kind, given)
        values = given if isinstance(given, list | tuple) else [given]
        if not values:
            raise _refused(name, given, "at least one value")
        chosen = [_as_kind(name, kind, value, given) for value in values]
        return cls(name, kind, choices=tuple(dict.fromkeys(chosen)))

    @classmethod
    def _read_range(cls, name, kind, given):
        if kind not in (int, float):
            must = f"a list of choices, because it is a {kind.__name__}"
            raise _refused(name, given, must)
        unknown = set(given) - set(_RANGE)
        if unknown or not {"min", "max"} <= set(given):
            must = '{"min": .., "max": ..} with "step" or "log" if need be'
            raise _refused(name, given, must)
        is_log = given.get("log", False)
        if not isinstance(is_log, bool):
            raise _refused(name, given, 'true or false under "log"')
        least, most, step = (
            None
            if given.get(key) is None
            else _as_kind(name, kind, value, given)
            for key, value in (
                (k, given.get(k)) for k in ("min", "max", "step")
            )
        )
        if least is None or most is None or not least < most:
            raise _refused(name, given, '"min" below "max"')
        if is_log and least <= 0:
            raise _refused(name, given, 'above 0, because it has "log"')
        if step is not None and step <= (1 if is_log else 0):
            floor = 'above 1 with "log"' if is_log else "above 0"
            raise _refused(name, given, f'a "step" {floor}')
        return cls(name, kind, (), least, most, step, is_log)

    @property
    def corners(self) -> tuple:
        """The extreme values: the ends of a range, or all choices."""
        return self.choices or (self.least, self.most)

    def declare(self, hp) -> Any:
        """Declares it in `keras_tuner.HyperParameters`; returns its value."""
        if len(self.choices) == 1:
            return hp.Fixed(self.name, self.choices[0])
        if self.kind is bool:
            return hp.Boolean(self.name, default=self.choices[0])
        if self.choices:
            return hp.Choice(self.name, list(self.choices))
        declare = hp.Int if self.kind is int else hp.Float
        return declare(
            self.name,
            min_value=self.least,
            max_value=self.most,
            step=self.step,
            sampling="log" if self.is_log else "linear",
        )

    def to_json(self) -> Any:
        """Returns it in the form that `read` takes."""
        if self.choices:
            return list(self.choices)
        given = {"min": self.least, "max": self.most}
        if self.step is not None:
            given["step"] = self.step
        return {**given, "log": True} if self.is_log else given


def _as_kind(name, kind, value, given):
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if kind is float and is_number and abs(value) < 1e300:
        return float(value)
    if isinstance(value, kind) and (kind is not int or is_number):
        return value
    raise TypeError(
        f"{_OWNER}: `{name}` must be made of {kind.__name__} values, because "
        f"that is what it sets. Received: {name}={check.shown(given)}. Write a "
        'value, a list of them, or a range {"min": .., "max": ..}.'
    )


def _refused(name, given, must):
    return ValueError(
        f"{_OWNER}: `{name}` must be {must}. Received: "
        f"{name}={check.shown(given)}. Write "
        'a value, a list of choices, or {"min": 0.001, "max": 0.1, "log": '
        "true}."
    )
