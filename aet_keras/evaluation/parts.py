"""Says how much each part of an item decided, and what it says alone."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aet_keras import _files

_REPEATS = 5
_CERTAIN = 1.96


@dataclass(frozen=True)
class PartScore:
    """Holds what one part of an item is worth.

    Args:
        name: str. `"image"`, `"text"` or `"table"`.
        alone: float. The loss of a regression on this part alone.
        alone_accuracy: float or None. Its accuracy, of classes.
        rise: float. By how much the model's loss rises when the part is that
            of another row, with `rise_low` and `rise_high`, 95 %.
        drop: float or None. By how much its accuracy falls, with `drop_low`
            and `drop_high`.

    Example: see `measure_parts`.
    """

    name: str
    alone: float
    alone_accuracy: float | None
    rise: float
    rise_low: float
    rise_high: float
    drop: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None


@dataclass(frozen=True)
class Parts:
    """Holds a model of several parts beside each of them.

    Args:
        loss: float. The model's mean loss of the test rows.
        accuracy: float or None. Of classes.
        late: float. The loss of late fusion: the mean of what regressions on
            each part say.
        late_accuracy: float or None.
        scores: tuple of `PartScore`.
        gain: float. By how much the loss of the best of these is above the
            model's, row by row.
        gain_error: float. Its standard error.
        best: str. Which one that is.
        count: int. Test rows.

    Example: see `measure_parts`.
    """

    loss: float
    accuracy: float | None
    late: float
    late_accuracy: float | None
    scores: tuple[PartScore, ...]
    gain: float
    gain_error: float
    best: str
    count: int

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Parts":
        """Returns the record that `asdict` wrote down."""
        scores = tuple(
            PartScore(**_files.floats_of(PartScore, each))
            for each in content["scores"]
        )
        return cls(**{**_files.floats_of(cls, content), "scores": scores})

    @property
    def is_better(self) -> bool:
        """Whether the model is better than each of its parts, and surely."""
        return self.gain > _CERTAIN * self.gain_error

    def to_text(self) -> str:
        """Returns a table, for 80 columns."""
        head = f"{'':<12}  {'loss':>7}"
        head += f"  {'accuracy':>8}" if self.accuracy is not None else ""
        lines = [
            f"{head}   ({self.count} test rows)",
            _line("all together", self.loss, self.accuracy),
            _line("late fusion", self.late, self.late_accuracy),
            *(
                _line(f"{each.name} alone", each.alone, each.alone_accuracy)
                for each in self.scores
            ),
        ]
        sure = "better" if self.is_better else "not surely better"
        error = _CERTAIN * self.gain_error
        lines += [
            f"The model is {sure} than {self.best}: its loss is lower by "
            f"{self.gain:.3f} ({self.gain - error:.3f} to "
            f"{self.gain + error:.3f}).",
            "with a part of another row, what is lost (95 %)",
        ]
        return "\n".join([*lines, *map(_lost, self.scores)])


def _line(name, loss, accuracy):
    shown = "" if accuracy is None else f"  {accuracy:8.3f}"
    return f"{name:<12}  {loss:7.4f}{shown}"


def _lost(each):
    text = (
        f"{each.name:<12}  loss {each.rise:+.3f} "
        f"({each.rise_low:.3f} to {each.rise_high:.3f})"
    )
    if each.drop is None:
        return text
    return (
        f"{text}   accuracy {-each.drop:+.3f} "
        f"({-each.drop_high:+.3f} to {-each.drop_low:+.3f})"
    )


def measure_parts(
    scores: Mapping[str, np.ndarray],
    alone: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    ended: Callable[[np.ndarray], np.ndarray],
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray],
    is_classes: bool,
    seed: int = 0,
) -> Parts:
    """Measures a model that adds up what its parts say.

    Args:
        scores: dict of part to array `(rows, units)`, what it adds to the
            sum; a name that is not in `alone` belongs to no part.
        alone: dict of part to what a regression on it alone puts out.
        labels: array, a row a row.
        ended: of a sum of scores; returns outputs.
        losses: of outputs and labels; returns the loss of each row.
        is_classes: bool. Whether an accuracy is known.
        seed: int >= 0. Of the rows that parts are taken from.

    Example:

    >>> from aet_keras.evaluation.parts import measure_parts
    >>> told = np.eye(2)[[0, 1] * 20] * 4
    >>> found = measure_parts(
    ...     {"image": told, "text": 0 * told},
    ...     {"image": 0.5 + 0 * told, "text": 0.5 + 0 * told},
    ...     np.array([0, 1] * 20),
    ...     ended=lambda s: np.exp(s) / np.exp(s).sum(1, keepdims=True),
    ...     losses=lambda p, y: -np.log(p[np.arange(len(y)), y]),
    ...     is_classes=True,
    ... )
    >>> [each.drop > 0.2 for each in found.scores], found.is_better
    ([True, False], True)
    """
    random = np.random.default_rng(seed)
    whole = ended(_added(scores))
    own = losses(whole, labels)
    late = np.mean(list(alone.values()), axis=0)
    others = {"late fusion": late}
    others |= {f"the {name} alone": each for name, each in alone.items()}
    of_others = {name: losses(each, labels) for name, each in others.items()}
    best = min(of_others, key=lambda name: of_others[name].mean())
    gains = of_others[best] - own
    found = []
    for name, outputs in alone.items():
        rises, drops = np.zeros(len(labels)), np.zeros(len(labels))
        for _ in range(_REPEATS):
            taken = random.permutation(len(labels))
            mixed = ended(_added({**scores, name: scores[name][taken]}))
            rises += (losses(mixed, labels) - own) / _REPEATS
            if is_classes:
                drops += (
                    _right(whole, labels) - _right(mixed, labels)
                ) / _REPEATS
        rise = _interval(rises)
        drop = _interval(drops) if is_classes else (None,) * 3
        loss = float(losses(outputs, labels).mean())
        right = _accuracy(outputs, labels, is_classes)
        found.append(PartScore(name, loss, right, *rise, *drop))
    return Parts(
        loss=float(own.mean()),
        accuracy=_accuracy(whole, labels, is_classes),
        late=float(of_others["late fusion"].mean()),
        late_accuracy=_accuracy(late, labels, is_classes),
        scores=tuple(found),
        gain=float(gains.mean()),
        gain_error=_error(gains),
        best=best,
        count=len(labels),
    )


def _added(scores):
    return np.sum(list(scores.values()), axis=0)


def _right(outputs, labels):
    return (outputs.argmax(axis=1) == labels).astype(float)


def _accuracy(outputs, labels, is_classes):
    return float(_right(outputs, labels).mean()) if is_classes else None


def _error(values):
    if len(values) < 2:
        return math.nan  # one row does not tell how far others are
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _interval(values):
    mean, error = float(values.mean()), _CERTAIN * _error(values)
    return mean, mean - error, mean + error
