"""Lets a head learn from rows without labels, where that helps it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import graph
from aet_keras.replay import lbfgs
from aet_keras.training.soft_labels import class_factors, label_softly
from aet_keras.training.teach import class_count, known_loss, one_hot

_BATCH = 128
_LEAST_VALIDATED = 10  # rows; the error of fewer is not known
_MOST_USED = 10_000  # rows without labels; nearest neighbours take its square


class SelfTraining:
    """Solves a trained classifier's head anew, with rows without labels.

    All rows go through the model once, up to its head. On these features the
    head is solved, answers about the rows without labels, and is solved again
    on labels and answers (`label_softly`). The model gets that head if it is
    better on the validation rows than its own and than the one that labels
    alone teach: the gain in loss must be above half its standard error.

    Args:
        model: a compiled classifier that ends in a dense layer.
        train: tuple `(x, y)` or `(x, y, sample_weight)` of arrays.
        validation: the same. Its rows judge.
        more: array, or dict of arrays, as `x`. Rows of `train` and of
            `validation` in it are left out; of more than 10,000 so many are
            drawn.
        class_weight: optional dict from class to float, as of `fit`.
        owner: str. Who asks, in the sentences of what is raised.

    Raises:
        ValueError: if the model has no such head, or nothing is left of the
            rows without labels.
        TypeError: if the rows are no arrays.
    """

    def __init__(
        self,
        model: keras.Model,
        train: Any,
        validation: Any,
        more: Any,
        *,
        class_weight: Mapping[int, float] | None = None,
        owner: str = "fine_tune",
    ):
        check.instance(owner, of=keras.Model, model=model)
        self._model, self._head = model, _head_of(model, owner)
        classes = class_count(model)
        self._train = _rows(owner, "train", train, classes)
        self._held = _rows(owner, "validation_data", validation, classes)
        if class_weight is not None:
            x, targets, weights = self._train
            weights = weights * class_factors(targets, class_weight)
            self._train = x, targets, weights
        self._below = keras.Model(
            graph.functional_of(model).input, self._head.input
        )
        # The validation losses by labels alone and of the head that was kept.
        self.kept: tuple[float, float] | None = None
        _check_taken(owner, self._below, more, self._train[0])
        self._more, self._left_out, self._undrawn = _without_known(
            owner, more, self._train[0], self._held[0]
        )

    def solve_head(self) -> str:
        """Solves the head of the model as it is now; keeps what is better.

        Returns:
            Whether rows without labels are used, and why: a sentence.
        """
        count = len(self._held[1])
        if count < _LEAST_VALIDATED:
            return (
                f"`unlabelled` is not used: {count} validation rows cannot "
                "tell whether it helps."
            )

        def read(rows):
            found = self._below.predict(rows, batch_size=_BATCH, verbose=0)
            return np.asarray(found, "float32")

        train, held, more = (
            read(rows) for rows in (self._train[0], self._held[0], self._more)
        )
        are_finite = np.isfinite(more).all(axis=1)
        is_known = np.isfinite(train).all() and np.isfinite(held).all()
        if not is_known or not are_finite.any():
            return (
                "`unlabelled` is not used: the model's features of "
                f"{'its' if is_known else 'labelled'} rows are no finite "
                "numbers."
            )
        kernel, bias = self._head.get_weights()
        found = label_softly(
            lbfgs.Rows(train, *self._train[1:]),
            lbfgs.Rows(held, *self._held[1:]),
            more[are_finite],
            own=(kernel.astype("float32"), bias.astype("float32")),
        )
        if found.is_better:
            self._head.set_weights([found.last.kernel, found.last.bias])
            self.kept = found.before, found.after
        return self._sentence(found, int((~are_finite).sum()))

    def _sentence(self, found, not_finite):
        said = (
            f"`unlabelled` is {'' if found.is_better else 'not '}used: "
            f"validation loss {found.before:.4f} by labels alone, "
            f"{found.after:.4f} with {len(found.probabilities)} rows without "
            f"labels (standard error of the difference {found.error:.4f})"
        )
        if not found.is_better and found.own is not None:
            said += f"; the model keeps its own head, with {found.own:.4f}"
        if self._left_out:
            said += f"; {self._left_out} that are labelled rows are left out"
        if not_finite:
            said += f"; {not_finite} that are no finite numbers are left out"
        if self._undrawn:
            said += f"; {self._undrawn} others were not drawn"
        return f"{said}."


def _rows(owner, name, given, classes):
    """Returns inputs, one-hot labels and weights."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError(
            f"{owner}: `{name}` must be a tuple `(x, y)` or `(x, y, "
            "sample_weight)` of arrays where there is `unlabelled`, because "
            "its rows are compared with those. Received: "
            f"{type(given).__name__}. Read a data set into arrays first."
        )
    x, y, weights = (*given, None)[:3]
    targets = one_hot(np.asarray(y), classes)
    if weights is None:
        weights = np.ones(len(targets))
    return x, targets, np.asarray(weights, "float32").reshape(len(targets))


def _head_of(model, owner):
    """Returns the dense layer that a classifier ends in."""
    known = known_loss(model)
    last = model.layers[-1] if graph.is_graph(model) else None
    is_dense = type(last) is keras.layers.Dense and len(model.outputs) == 1
    wanted = "linear" if known.takes_logits else "softmax"
    if is_dense and last.activation is getattr(keras.activations, wanted):
        return last
    raise ValueError(
        f"{owner}: the model must end in a `keras.layers.Dense` for "
        "`unlabelled`, because that layer's answers become labels. Received: "
        f"{'no graph of layers' if last is None else repr(last)}. Build it "
        "so, or name a teacher: `aet_keras.training.teach`."
    )


def _check_taken(owner, below, more, like):
    """Raises unless the model takes such rows, before it trains for long."""
    try:
        keras.tree.assert_same_structure(more, like)
        counts = {len(leaf) for leaf in keras.tree.flatten(more)}
        if len(counts) > 1:
            raise ValueError(f"arrays of {sorted(counts)} rows")
        one = keras.tree.map_structure(lambda leaf: np.asarray(leaf)[:1], more)
        below(one, training=False)
    except Exception as error:  # whatever a layer raises of such rows
        raise ValueError(
            f"{owner}: `unlabelled` must have rows as those of `train`, "
            "because the model is asked about them. Received: "
            f"{check.first_line(error)[:200]}. Give them as arrays of the "
            "same shape and kind."
        ) from error


def _without_known(owner, more, *labelled):
    """Returns rows to learn, and how many are labelled, and not drawn."""
    known = {each for rows in labelled for each in _sums(rows, rows)}
    fresh = np.array([each not in known for each in _sums(more, labelled[0])])
    if not fresh.any():
        raise ValueError(
            f"{owner}: `unlabelled` must have rows that are not in `train` or "
            f"`validation_data`, because those have labels. Received: "
            f"{len(fresh)} rows, all of them labelled. Give others, or none."
        )
    kept = np.random.default_rng(0).permutation(np.flatnonzero(fresh))
    kept = np.sort(kept[:_MOST_USED])
    rows = keras.tree.map_structure(lambda leaf: np.asarray(leaf)[kept], more)
    left_out = int((~fresh).sum())
    return rows, left_out, len(fresh) - left_out - len(kept)


def _sums(rows, like):
    """Yields a sum of the bytes of each row, in the types of other rows."""
    keras.tree.assert_same_structure(rows, like)
    leaves = [
        np.asarray(leaf, np.asarray(other).dtype)
        for leaf, other in zip(
            keras.tree.flatten(rows), keras.tree.flatten(like), strict=True
        )
    ]
    for row in range(len(leaves[0])):
        found = hashlib.blake2b(digest_size=16)
        for leaf in leaves:
            found.update(np.ascontiguousarray(leaf[row]))
        yield found.digest()
