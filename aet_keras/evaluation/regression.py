"""Measures predicted numbers against true ones, beside baselines."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._wording import counted
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.features import (
    FeatureImportance,
    feature_lines,
    read_features,
)
from aet_keras.evaluation.intervals import mean_and_error
from aet_keras.evaluation.mistakes import MOST_WRONG, PRINTED, SHOWN

_OWNER = "measure_regression"
_MOST_POINTS = 400


@dataclasses.dataclass(frozen=True)
class NumberScore:
    """Holds the three figures of one way to predict a number.

    Args:
        rmse: float. Root of the mean squared error, in the number's unit.
        mae: float. Mean of the absolute errors.
        r2: float or None. Share of the variance of the rows that is
            explained; None where they do not vary.

    Example:

    >>> aet_keras.evaluation.regression.NumberScore(2.0, 1.5, 0.4).r2
    0.4
    """

    rmse: float
    mae: float
    r2: float | None


@dataclasses.dataclass(frozen=True)
class Regression:
    """Holds how well numbers are predicted on one split, beside baselines.

    `measure_regression` makes it.

    Args:
        rmse: float. See `NumberScore`.
        mae: float. Likewise.
        r2: float or None. Likewise.
        count: int. How many rows were measured.
        baselines: dict of name to `NumberScore`.
        gains: dict of the same names to a pair: by how much the model's
            squared error is lower, mean of the rows, and its standard error.
        points: tuple of pairs, the true number and the predicted one, of up
            to 400 rows that are evenly spread.
        importance: tuple of `FeatureImportance`: by how much the RMSE rises
            when a column is shuffled; empty where it was not asked for.

    Example: see `measure_regression`.

    >>> scores = aet_keras.evaluation.regression.measure_regression(
    ...     [1.0, 2.0], [1.0, 2.5]
    ... )
    >>> scores.points
    ((1.0, 1.0), (2.0, 2.5))
    """

    rmse: float
    mae: float
    r2: float | None
    count: int
    baselines: Mapping[str, NumberScore] = dataclasses.field(
        default_factory=dict
    )
    gains: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    points: tuple[tuple[float, float], ...] = ()
    importance: tuple[FeatureImportance, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain lists and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Regression":
        """Returns the record that `to_json` wrote down."""
        scores = content["baselines"].items()
        read = {
            "baselines": {name: NumberScore(**each) for name, each in scores},
            "gains": {k: tuple(pair) for k, pair in content["gains"].items()},
            "points": tuple(map(tuple, content["points"])),
            "importance": read_features(content["importance"]),
        }
        return cls(**{**content, **read})

    def to_line(self) -> str:
        """Returns the figures in one line."""
        r2 = "-" if self.r2 is None else f"{self.r2:.4f}"
        return (
            f"RMSE {shown(self.rmse)}   MAE {shown(self.mae)}   R2 {r2}   "
            f"({counted(self.count, 'example')})"
        )

    def to_text(self) -> str:
        """Returns a table of the model and its baselines, for 80 columns."""
        own = NumberScore(self.rmse, self.mae, self.r2)
        rows = {"model": own, **self.baselines}
        names = max(map(len, rows))
        lines = [
            counted(self.count, "example"),
            f"{'':<{names}}  {'RMSE':>11}  {'MAE':>11}  {'R2':>8}",
        ]
        for name, row in rows.items():
            r2 = "-" if row.r2 is None else f"{row.r2:.4f}"
            lines.append(
                f"{name:<{names}}  {shown(row.rmse):>11}  "
                f"{shown(row.mae):>11}  {r2:>8}"
            )
        table = feature_lines(self.importance, "RMSE added", shown)
        return "\n".join([*lines, *table])


@dataclasses.dataclass(frozen=True)
class Miss:
    """Holds a row whose number is far from the predicted one.

    Args:
        row: int. Its number in the split.
        name: str. Where it is from: a path, or `"row 17"`.
        true: float. Its number.
        predicted: float. What was predicted.
        content: str. The start of a text, the cells of a row of a table.

    Example:

    >>> aet_keras.evaluation.regression.Miss(3, "row 4", 10.0, 2.5).error
    -7.5
    """

    row: int
    name: str
    true: float
    predicted: float
    content: str = ""

    @property
    def error(self) -> float:
        """What was predicted, less the true number."""
        return self.predicted - self.true


def measure_regression(
    numbers: Any,
    predicted: Any,
    *,
    baselines: Mapping[str, Any] | None = None,
    importance: Sequence[FeatureImportance] = (),
) -> Regression:
    """Measures predicted numbers against the true ones.

    R2 = 1 - sum of (y - p)^2 / sum of (y - mean of y)^2, as scikit-learn's
    `r2_score` has it.

    Args:
        numbers: floats `(count,)`. The true ones.
        predicted: floats `(count,)`.
        baselines: optional dict of a name to what a baseline predicts.
        importance: sequence of `FeatureImportance`.

    Returns:
        `Regression`.

    Raises:
        ValueError: if there are no numbers, the lengths differ, or one is
            not finite.

    Example:

    >>> from aet_keras.evaluation.regression import measure_regression
    >>> found = measure_regression(
    ...     [1, 2, 3, 6], [1, 2, 3, 4], baselines={"the mean": [3, 3, 3, 3]}
    ... )
    >>> found.rmse, found.mae, found.r2, found.baselines["the mean"].r2
    (1.0, 0.5, 0.714..., 0.0)
    """
    numbers = np.asarray(numbers, "float64")
    given = {"predicted": predicted, **(baselines or {})}
    arrays = {k: np.asarray(each, "float64") for k, each in given.items()}
    for name, each in {"numbers": numbers, **arrays}.items():
        _check(name, each, numbers)
    own = arrays.pop("predicted")
    score = _score(numbers, own)
    return Regression(
        **dataclasses.asdict(score),
        count=len(numbers),
        baselines={name: _score(numbers, p) for name, p in arrays.items()},
        gains={name: _gain(numbers, own, p) for name, p in arrays.items()},
        points=_points(numbers, own),
        importance=tuple(importance),
    )


def _check(name, array, numbers):
    if array.shape != numbers.shape or array.ndim != 1 or not len(array):
        raise ValueError(
            f"{_OWNER}: `{name}` must hold one number a row, of at least one "
            f"row. Received: shape {array.shape}, where the true numbers have "
            f"{numbers.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{_OWNER}: `{name}` must be finite. Received: NaN or infinity. "
            "Train with a lower rate."
        )


def _score(numbers, predicted):
    errors = predicted - numbers
    variance = np.mean((numbers - numbers.mean()) ** 2)
    square = np.mean(errors**2)
    return NumberScore(
        rmse=float(np.sqrt(square)),
        mae=float(np.abs(errors).mean()),
        r2=float(1 - square / variance) if variance else None,
    )


def _gain(numbers, own, other):
    return mean_and_error((other - numbers) ** 2 - (own - numbers) ** 2)


def _points(numbers, predicted):
    order = np.argsort(numbers, kind="stable")
    if len(order) > _MOST_POINTS:
        places = np.linspace(0, len(order) - 1, _MOST_POINTS).astype(int)
        order = order[places]
    pairs = zip(numbers[order], predicted[order], strict=True)
    return tuple((float(a), float(b)) for a, b in pairs)


def find_misses(
    numbers: Any,
    predicted: Any,
    *,
    names: Sequence[str],
    content: Callable[[int], str] = lambda row: "",
) -> tuple[Miss, ...]:
    """Finds the twelve rows whose predictions are farthest from the truth.

    Args:
        numbers: floats `(rows,)`. The true ones.
        predicted: floats `(rows,)`.
        names: one str a row: where it is from.
        content: optional function of a row number that returns the content of
            the row as text.

    Returns:
        Tuple of `Miss`, the farthest first.

    Example:

    >>> found = aet_keras.evaluation.regression.find_misses(
    ...     [1.0, 2.0], [1.5, 4.0], names=["row 1", "row 2"]
    ... )
    >>> [each.name for each in found]
    ['row 2', 'row 1']
    """
    numbers = np.asarray(numbers, "float64")
    predicted = np.asarray(predicted, "float64")
    errors = np.abs(predicted - numbers)
    order = np.argsort(-errors, kind="stable")[:MOST_WRONG]
    return tuple(
        Miss(
            row=int(row),
            name=str(names[row]),
            true=float(numbers[row]),
            predicted=float(predicted[row]),
            content=printed_text.cut(content(int(row)), SHOWN),
        )
        for row in order
        if errors[row]
    )


def misses_text(misses: Sequence[Miss]) -> list[str]:
    """Returns a printed summary of misses, for 80 columns."""
    lines = []
    for each in misses[:PRINTED]:
        head = f"{shown(each.predicted)} for {shown(each.true)}"
        columns_left = printed_text.COLUMNS - len(head) - 2
        what = printed_text.cut_middle(each.content or each.name, columns_left)
        lines.append(f"{head}  {what}")
    return lines


def shown(number: float) -> str:
    """Returns a number as a person reads it: five digits, or all of a whole.

    Example:

    >>> from aet_keras.evaluation.regression import shown
    >>> shown(53.70218), shown(123456.7), shown(0.000123456)
    ('53.702', '123457', '0.00012346')
    """
    if abs(number) >= 1e4 and abs(number) < 1e15:
        return f"{number:.0f}"
    return f"{number:.5g}"
