"""Finds the best dense layer on fixed features with L-BFGS.

The loss of one dense layer is convex in its weights. L-BFGS (Liu and Nocedal,
1989, as scipy has it) finds its minimum at once, where epochs of small steps
come near it. Features are standardised for that, and the weights mapped back.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import optimize

from aet_keras.replay.taught_loss import TaughtLoss, normalised, slopes_of
from aet_keras.replay.together import Together

# Strong to weak, each from the last one's solution, while validation improves.
STRENGTHS = (0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 1e-4)
_ITERATIONS = 30
_MOST_AT_ONCE = 2**23  # numbers, of which two copies in float32 take 64 MiB
_BLOCK_ROWS = 512  # so few that a block is read once from memory
_TOLERANCE = 1e-5  # of the loss; what is left is below its noise
ALONE = Together()
Kind = str | TaughtLoss


@dataclasses.dataclass(frozen=True)
class Rows:
    """Features with their targets.

    Args:
        features: float array `(count, width)`, of any precision.
        targets: float array `(count, units)`; probabilities of classes for a
            softmax.
        weights: float array `(count,)`. Of the rows.
        let_go: optional function that is told how many bytes of the features
            were read: of a mapped file they take memory until it lets go.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    let_go: Callable[[int], None] | None = None

    def blocks(self) -> Iterator["Rows"]:
        """Yields all rows in float32, many of them some at a time."""
        for part, features in self.read("float32", parts_of(self.features)):
            yield Rows(features, self.targets[part], self.weights[part])

    def read(
        self, dtype: str, parts: list[slice]
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields some rows after others, each with which rows they are."""
        for part in parts:
            features = self.features[part]
            yield part, np.asarray(features, dtype)
            if self.let_go is not None:
                self.let_go(features.nbytes)


def parts_of(features: np.ndarray) -> list[slice]:
    """Returns which rows are computed on at once, so that memory holds them.

    Args:
        features: array `(count, width)`.
    """
    if features.size <= _MOST_AT_ONCE:
        return [slice(None)]
    return _small_parts(len(features))


def _small_parts(count):
    starts = range(0, count, _BLOCK_ROWS)
    return [slice(start, start + _BLOCK_ROWS) for start in starts]


@dataclasses.dataclass(frozen=True)
class Solution:
    """A dense layer, and what it does on validation rows.

    Args:
        kernel: float array `(width, units)`.
        bias: float array `(units,)`.
        loss: float. Mean loss of the validation rows; of `path`, of its own
            rows with the penalty.
        strength: float. Of the L2 penalty on the standardised kernel.
    """

    kernel: np.ndarray
    bias: np.ndarray
    loss: float
    strength: float


def solve(
    train: Rows,
    validation: Rows,
    *,
    kind: Kind,
    together: Together = ALONE,
    strengths: Sequence[float] = STRENGTHS,
) -> Solution:
    """Finds the layer whose L2 strength is best on the validation rows.

    Args:
        train: `Rows` to fit.
        validation: `Rows` to choose the strength by.
        kind: `"softmax"`, `"sigmoid"` or `"linear"`: cross-entropy of classes,
            binary cross-entropy, squared error; means over units as in Keras.
            Or a `TaughtLoss`.
        together: `Together`. Sums over workers that have other rows.
        strengths: floats > 0, from strong to weak: those that are tried.
    """
    best: Solution | None = None
    tried = path(train, kind=kind, together=together, strengths=strengths)
    for found in tried:
        loss = mean_loss(
            found.kernel, found.bias, validation, kind=kind, together=together
        )
        if best is not None and not loss < best.loss:
            break
        best = dataclasses.replace(found, loss=loss)
    assert best is not None  # `strengths` is not empty
    return best


def path(
    train: Rows,
    *,
    kind: Kind,
    together: Together = ALONE,
    strengths: Sequence[float] = STRENGTHS,
) -> Iterator[Solution]:
    """Yields the layer of each strength, with the loss of its own rows.

    Args:
        train: `Rows` to fit.
        kind: as `solve` takes it.
        together: as `solve` takes it.
        strengths: as `solve` takes them.
    """
    mean, scale, count = _moments(train, together)
    scaled = _Scaled(train, mean, scale)
    width, units = train.features.shape[1], _units(train, kind)
    start = np.zeros((width + 1) * units)
    for strength in strengths:

        def search(ask, start, strength=strength):
            found = optimize.minimize(
                lambda flat: _penalised(flat, ask(flat), units, strength),
                start,
                method="L-BFGS-B",
                jac=True,
                options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
            )
            return found.x, float(found.fun)

        start, loss = together.led(
            search, lambda flat: _objective(flat, scaled, kind, count), start
        )
        weights = start.reshape(width + 1, units).astype("float32")
        kernel = weights[:-1] / scale[:, None]
        bias = weights[-1] - mean @ kernel
        yield Solution(kernel, bias, float(loss), strength)


def mean_loss(
    kernel, bias, rows: Rows, *, kind: Kind, together: Together = ALONE
) -> float:
    """Returns what Keras would call the loss of some rows."""
    total = 0.0
    for block in rows.blocks():
        scores = block.features @ kernel + bias
        losses, _ = _loss(kind)(scores, block.targets)
        total += float((losses * block.weights).sum())
    total, count = together.total([total, len(rows.features)])
    return float(total / count)


class _Scaled:
    """Yields standardised rows: few are kept, many are computed each time.

    Args:
        rows: `Rows`.
        mean: float32 array `(width,)`, which is taken off.
        scale: float32 array `(width,)`, which is divided by.
    """

    def __init__(self, rows, mean, scale):
        self._rows, self._mean, self._scale = rows, mean, scale
        is_small = len(parts_of(rows.features)) == 1
        self._made = [*self._make()] if is_small else None

    def __iter__(self):
        return iter(self._make() if self._made is None else self._made)

    def _make(self):
        for block in self._rows.blocks():
            features = block.features - self._mean
            features /= self._scale
            yield dataclasses.replace(block, features=features)


def _moments(rows, together):
    """Returns mean and scale of each feature, and how many rows there are."""
    # In float64 all rows would take four times their memory.
    parts = _small_parts(len(rows.features))
    sums, squares = np.zeros((2, rows.features.shape[1]))
    for _, block in rows.read("float64", parts):
        sums += block.sum(axis=0)
    *sums, count = together.total([*sums, len(rows.features)])
    mean = np.array(sums) / count
    for _, block in rows.read("float64", parts):
        squares += ((block - mean) ** 2).sum(axis=0)
    scale = np.sqrt(together.total(squares) / count).astype("float32")
    scale = np.maximum(scale, 1e-3 * max(1e-12, scale.max(initial=0.0)))
    return mean.astype("float32"), scale, int(count)


def _objective(flat, blocks, kind, count):
    """Returns what some rows add to loss and gradient, the loss first.

    Args:
        flat: the weights, the bias last.
        blocks: `Rows` of these, some at a time.
        kind: as `solve` takes it.
        count: int. How many rows there are in all.
    """
    found = np.zeros(1 + flat.size)
    for rows in blocks:
        width, units = rows.features.shape[1], _units(rows, kind)
        weights = flat.reshape(width + 1, units).astype("float32")
        losses, slopes = _loss(kind)(
            rows.features @ weights[:-1] + weights[-1], rows.targets
        )
        slopes = slopes * (rows.weights / count)[:, None]
        found[0] += float((losses * rows.weights).sum()) / count
        found[1:-units] += (rows.features.T @ slopes).ravel()
        found[-units:] += slopes.sum(axis=0)
    return found


def _penalised(flat, answer, units, strength):
    """Returns loss and gradient with the penalty on all but the bias."""
    kernel = flat[:-units].astype("float32")
    gradient = answer[1:].copy()
    # In float32, as in earlier versions: a run goes on from what they saved.
    below = gradient[:-units].astype("float32")
    gradient[:-units] = below + strength * kernel
    penalty = 0.5 * strength * float((kernel**2).sum())
    return answer[0] + penalty, gradient


def _softmax(scores, targets):
    logs = normalised(scores)
    return -(targets * logs).sum(axis=1), slopes_of(logs, targets)


def _sigmoid(scores, targets):
    losses = np.logaddexp(0.0, scores) - targets * scores
    slopes = 0.5 * (1.0 + np.tanh(0.5 * scores)) - targets
    return losses.mean(axis=1), slopes / scores.shape[1]


def _linear(scores, targets):
    errors = scores - targets
    return (errors**2).mean(axis=1), 2.0 * errors / scores.shape[1]


_LOSSES = {"softmax": _softmax, "sigmoid": _sigmoid, "linear": _linear}


def _loss(kind):
    return _LOSSES[kind] if isinstance(kind, str) else kind


def _units(rows, kind):
    columns = 1 if isinstance(kind, str) else kind.columns_per_unit
    return rows.targets.shape[1] // columns
