"""Solves what a model of items says on fixed features of its parts."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras._optional import optional
from aet_keras.tasks import item_model

_STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0)  # C, the inverse of a penalty
_SHARES = (0.5, 2.0)  # what else a part may weigh
_THERE = "there"
_UNSEEN = 7.0  # in logits: one in a thousand


@dataclasses.dataclass(frozen=True)
class Features:
    """Holds the features of the rows of a split, part by part.

    Args:
        parts: dict of part to array `(rows, width)`; `there` last.
    """

    parts: Mapping[str, np.ndarray]


class Measurer:
    """Computes features by the weights that a network has then.

    Args:
        network: of `tasks.item_model.build_item_network`.
    """

    def __init__(self, network: keras.Model):
        self._parts = item_model.parts_of(network)
        layers = [network.get_layer(part.features) for part in self._parts]
        self._inner = keras.Model(network.input, [x.output for x in layers])
        # It runs a few times: XLA would take longer to compile it.
        self._inner.compile(jit_compile=False)

    def __call__(self, rows: Mapping[str, Any]) -> Features:
        found = self._inner.predict(dict(rows), batch_size=128, verbose=0)
        arrays = {
            part.name: np.asarray(each, "float32")
            for part, each in zip(self._parts, found, strict=True)
        }
        flags = [rows["has_image"], rows["has_text"]]
        arrays[_THERE] = np.concatenate(flags, axis=1).astype("float32")
        return Features(arrays)


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
            features.parts[name] @ kernel
            for name, kernel in self.kernels.items()
        )
        return ended(scores + self.bias, self.kind)

    def write(self, network: keras.Model) -> None:
        """Gives a network these weights."""
        for name, kernel in self.kernels.items():
            weights = [kernel, self.bias] if name == _THERE else [kernel]
            network.get_layer(f"{name}_scores").set_weights(weights)


def ended(scores: np.ndarray, kind: str) -> np.ndarray:
    """Returns what a sum of scores means for a kind of target."""
    if kind == "number":
        return scores
    if kind == "tags":
        return 1 / (1 + np.exp(-scores))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


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
        train: features and labels, as they are learned.
        held: the same of the validation rows.
        kind: of target.
        units: int. Of the head: the classes, of which some may have no row.
        losses: of outputs and labels; returns the loss of each row.
        names: the parts to look at. Defaults to all.
    """
    asked = [*train[0].parts] if names is None else [*names, _THERE]
    begin = dict.fromkeys(asked, 1.0)
    scales = {
        name: 1 / max(1e-6, float(np.sqrt(_square(train[0].parts[name]))))
        for name in asked
    }

    def attempt(shares, strength):
        weighed = {name: scales[name] * shares[name] for name in asked}
        kernel, bias = _regress(
            _joined(train[0], weighed), train[1], kind, strength, units
        )
        kernels, start = {}, 0
        for name in asked:
            width = train[0].parts[name].shape[1]
            kernels[name] = kernel[start : start + width] * weighed[name]
            start += width
        found = Solved(kernels, bias, 0.0, kind)
        loss = float(losses(found.outputs(held[0]), held[1]).mean())
        return dataclasses.replace(found, loss=loss)

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
    return best


def _square(features):
    return np.mean(np.sum(np.square(features), axis=1))


def _joined(features, weighed):
    """Returns a sparse matrix: most counts of words are 0."""
    from scipy import sparse

    return sparse.csr_matrix(
        np.concatenate(
            [features.parts[name] * each for name, each in weighed.items()],
            axis=1,
            dtype="float32",
        )
    )


def _regress(rows, labels, kind, strength, class_count):
    linear = optional("sklearn.linear_model", extra="training")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a start need not have converged
        if kind == "number":
            found = linear.Ridge(alpha=1 / strength, solver="lsqr")
            found.fit(rows, labels[:, 0])
            return found.coef_[:, None], np.array([found.intercept_])
        if kind == "tags":
            made = [_logistic(linear, rows, tag, strength) for tag in labels.T]
            kernels, biases = zip(*made, strict=True)
            return np.concatenate(kernels, axis=1), np.concatenate(biases)
        kernel, bias = _logistic(linear, rows, labels, strength)
    if kernel.shape[1] == 1:  # one score of two classes
        kernel = np.concatenate([-kernel / 2, kernel / 2], axis=1)
        bias = np.array([-bias[0] / 2, bias[0] / 2])
    return _with_unseen(kernel, bias, np.unique(labels), class_count)


def _with_unseen(kernel, bias, seen, class_count):
    """Gives classes that no row to learn from has a low score."""
    whole = np.zeros((len(kernel), class_count))
    low = np.full(class_count, bias.min() - _UNSEEN)
    whole[:, seen], low[seen] = kernel, bias
    return whole, low


def _logistic(linear, rows, labels, strength):
    found = linear.LogisticRegression(C=strength, max_iter=60, tol=1e-3)
    found.fit(rows, labels)
    return found.coef_.T, found.intercept_
