"""Solves what a model of items says on fixed features of its parts."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from scipy import optimize, sparse, special

from aet_keras.tasks import item_model
from aet_keras.training.interpolation import least_share
from aet_keras.training.taught_targets import shares_of

_STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0)  # C, the inverse of a penalty
_SHARES = (0.5, 2.0)  # what else a part may weigh
_MIXTURES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of an earlier head and a new one
THERE = "there"  # which of image and text there are
_DENSE = 0.1  # the share of numbers that are not 0
_TRIED, _ITERATIONS, _TOLERANCE = 20, 100, 1e-6


Features = Mapping[str, np.ndarray]  # of each part `(rows, width)`


class Measurer:
    """Computes features by the weights that a network has then, `there` last.

    Args:
        network: of `tasks.item_model.build_item_network`.
    """

    def __init__(self, network: keras.Model):
        self._parts = item_model.parts_of(network)
        layers = [item_model.features_of(network, x) for x in self._parts]
        self._inner = keras.Model(network.input, [x.output for x in layers])
        # It runs a few times: XLA would take longer to compile it.
        self._inner.compile(jit_compile=False)

    def __call__(self, rows: Mapping[str, Any]) -> Features:
        found = self._inner.predict(dict(rows), batch_size=128, verbose=0)
        arrays = {
            part: np.asarray(each, "float32")
            for part, each in zip(self._parts, found, strict=True)
        }
        flags = [rows["has_image"], rows["has_text"]]
        arrays[THERE] = np.concatenate(flags, axis=1).astype("float32")
        return arrays


@dataclasses.dataclass(frozen=True)
class Solved:
    """Holds a regression on the features of some parts.

    Args:
        kernels: dict of part to array `(width, units)`.
        bias: array `(units,)`.
        loss: float. Mean loss of the validation rows.
        kind: of target.
    """

    kernels: Mapping[str, np.ndarray]
    bias: np.ndarray
    loss: float
    kind: str

    def outputs(self, features: Features) -> np.ndarray:
        """Returns probabilities, or values of a number."""
        scores = sum(
            features[name] @ kernel for name, kernel in self.kernels.items()
        )
        return ended(scores + self.bias, self.kind)

    def write(self, network: keras.Model) -> None:
        """Gives a network these weights."""
        for name, kernel in self.kernels.items():
            weights = [kernel, self.bias] if name == THERE else [kernel]
            item_model.scores_of(network, name).set_weights(weights)


def head_of(network: keras.Model, kind: str) -> Solved:
    """Returns what a network says now, as if it had been solved; no loss.

    Args:
        network: of `tasks.item_model.build_item_network`.
        kind: of target.
    """
    names = [*item_model.parts_of(network), THERE]
    layers = {name: item_model.scores_of(network, name) for name in names}
    weights = {name: each.get_weights() for name, each in layers.items()}
    kernels = {name: each[0] for name, each in weights.items()}
    return Solved(kernels, weights[THERE][1], np.nan, kind)


def drawn(
    earlier: Solved,
    new: Solved,
    held: tuple[Features, np.ndarray],
    losses: Any,
) -> Solved:
    """Draws an earlier head towards one that is solved on new rows.

    scores = (1 - share) * those of the earlier + share * those of the new one,
    with the smallest of five shares from 0 to 1 whose loss on the validation
    rows is within one standard error of the best: no farther than they ask
    for.

    Args:
        earlier: `Solved`.
        new: `Solved` of the same parts.
        held: features and labels of the validation rows.
        losses: as of `solve`.
    """

    def mixed(share):
        kernels = {
            name: (1 - share) * earlier.kernels[name] + share * kernel
            for name, kernel in new.kernels.items()
        }
        bias = (1 - share) * earlier.bias + share * new.bias
        return dataclasses.replace(new, kernels=kernels, bias=bias)

    tried = {share: mixed(share) for share in _MIXTURES}
    found = {
        share: losses(each.outputs(held[0]), held[1])
        for share, each in tried.items()
    }
    share = least_share(found)
    return dataclasses.replace(tried[share], loss=float(found[share].mean()))


def ended(scores: np.ndarray, kind: str) -> np.ndarray:
    """Returns what a sum of scores means for a kind of target."""
    if kind == "number":
        return scores
    if kind == "tags":
        return special.expit(scores)
    return special.softmax(scores, axis=1)


def solve(
    train: tuple[Features, np.ndarray],
    held: tuple[Features, np.ndarray],
    *,
    kind: str,
    units: int,
    losses: Any,
    names: Sequence[str] | None = None,
) -> Solved:
    """Finds the best regression on the features of parts.

    Its penalty, and what each part weighs, are those of the least loss on the
    validation rows.

    Args:
        train: features and labels, as they are learned; of classes with a
            teacher, `(rows, 2 * classes)`.
        held: the same of the validation rows.
        kind: of target.
        units: int. Of the head: the classes, of which some may have no row.
        losses: of outputs and labels; returns the loss of each row.
        names: the parts to look at. Defaults to all.
    """
    asked = [*train[0]] if names is None else [*names, THERE]
    begin = dict.fromkeys(asked, 1.0)
    scales = {
        name: 1 / max(1e-6, float(np.sqrt(_square(train[0][name]))))
        for name in asked
    }

    blocks = {name: _block(train[0][name]) for name in asked}
    targets = _targets(train[1], kind, units)
    state: list[np.ndarray] = []  # each solve begins where the last one ended

    def attempt(shares, strength, iterations=_TRIED):
        weighed = [scales[name] * shares[name] for name in asked]
        found = _solved(
            [blocks[name] for name in asked],
            weighed,
            targets,
            kind=kind,
            strength=strength,
            start=state[-1] if state else None,
            iterations=iterations,
        )
        state.append(found)
        *kernels, bias = _apart(found, blocks.values(), units)
        pairs = zip(asked, weighed, kernels, strict=True)
        made = {name: kernel * share for name, share, kernel in pairs}
        solved = Solved(made, bias[0], 0.0, kind)
        loss = float(losses(solved.outputs(held[0]), held[1]).mean())
        return dataclasses.replace(solved, loss=loss)

    best, chosen = None, _STRENGTHS[0]
    for strength in _STRENGTHS:
        found = attempt(begin, strength)
        if best is not None and not found.loss < best.loss:
            break
        best, chosen = found, strength
    assert best is not None
    shares = dict(begin)
    for name in asked[:-1] if len(asked) > 2 else ():
        for share in _SHARES:
            tried = {**shares, name: share}
            found = attempt(tried, chosen)
            if found.loss < best.loss:
                best, shares = found, tried
    found = attempt(shares, chosen, _ITERATIONS)
    return found if found.loss < best.loss else best


def _square(features):
    return np.mean(np.sum(np.square(features), axis=1))


def _block(features):
    """Returns features, sparse where most are 0, as counts of words are."""
    if np.count_nonzero(features) > _DENSE * features.size:
        return features
    return sparse.csr_matrix(features)


def _targets(labels, kind, units):
    if kind == "classes" and np.ndim(labels) == 2:
        return shares_of(labels).astype("float64")  # of a teacher, too
    if kind != "classes":
        return np.asarray(labels, "float64")
    return np.eye(units)[labels]


def _solved(
    blocks,
    weighed,
    targets,
    *,
    kind,
    strength,
    start=None,
    iterations=_ITERATIONS,
):
    """Minimises a mean loss and a penalty, by L-BFGS.

    Args:
        blocks: list of features, one a part.
        weighed: list of floats, what the features of each are multiplied by.
        targets: array `(rows, units)`; of classes one-hot.
        kind: of target.
        strength: float. C of a regression: the penalty is 1 / (2 C rows) of
            the sum of squares.
        start: optional flat array.
        iterations: int. The most there are.
    """
    count, units = targets.shape
    pairs = list(zip(blocks, weighed, strict=True))
    width = sum(block.shape[1] for block in blocks) + 1
    penalty = 1 / (strength * count)

    def ask(flat):
        *kernels, bias = _apart(flat, blocks, units)
        scores = bias.astype("float64")
        for (block, share), kernel in zip(pairs, kernels, strict=True):
            scores = scores + block @ (share * kernel).astype("float32")
        loss, slope = _loss(scores, targets, kind)
        slope = (slope / count).astype("float32")
        steps = [share * (block.T @ slope) for block, share in pairs]
        steps.append(slope.sum(axis=0, keepdims=True))
        step = np.concatenate(steps).astype("float64").ravel()
        free = flat.copy()
        free[-units:] = 0  # the bias is not held
        held = 0.5 * penalty * float(free @ free)
        return loss / count + held, step + penalty * free

    start = np.zeros(width * units) if start is None else start
    found = optimize.minimize(
        ask,
        start,
        method="L-BFGS-B",
        jac=True,
        options={"maxiter": iterations, "ftol": _TOLERANCE},
    )
    return found.x


def _apart(flat, blocks, units):
    """Returns the kernel of each block, and the bias, of one flat array."""
    whole = flat.reshape(-1, units)
    ends = np.cumsum([block.shape[1] for block in blocks])
    return np.split(whole, ends)


def _loss(scores, targets, kind):
    """Returns the summed loss of rows, and its slope."""
    if kind == "number":
        return 0.5 * np.sum((scores - targets) ** 2), scores - targets
    if kind == "tags":
        losses = np.logaddexp(0, scores) - targets * scores
        return losses.sum(), ended(scores, kind) - targets
    shares = ended(scores, kind)
    losses = targets * np.log(np.clip(shares, 1e-12, 1))
    return -losses.sum(), shares - targets
