"""Lets a classifier learn from rows without labels, where that helps it."""

import dataclasses
import hashlib
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import graph
from aet_keras.training.soft_labels import Labelled, SoftLabels, label_softly
from aet_keras.training.teach import (
    class_count,
    compile_taught,
    known_loss,
    one_hot,
)

SHARE = 0.5  # of `Distillation`; with the weights below, any says the same
_BATCH = 128
_LEAST_VALIDATED = 10  # rows; the error of fewer is not known
_MOST_USED = 10_000  # rows without labels; nearest neighbours take its square


@dataclasses.dataclass(frozen=True, eq=False)
class SelfTraining:
    """Says whether rows without labels help, and what is learned with them.

    Args:
        sentence: str. What a person should know.
        targets: optional float array `(rows, 2 * classes)`, as `Distillation`
            takes them: those of labelled rows, then of `more`. None where
            labels alone are better.
        weights: optional float array `(rows,)`, with `targets`.
        more: inputs without labels that are no labelled rows.
    """

    sentence: str
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    more: Any = None


def self_train(
    model: keras.Model,
    train: tuple,
    validation: tuple,
    more: Any,
    *,
    owner: str = "fine_tune",
) -> SelfTraining:
    """Finds what rows without labels seem to be, and whether that helps.

    All rows go through the model once, up to its head. On these features the
    head is solved, answers about the rows without labels, and is solved again
    on labels and answers (`label_softly`). Both heads are compared on the
    validation rows: the gain in loss must be above half its standard error.

    Args:
        model: a compiled classifier that ends in a dense layer, what is below
            it trained before.
        train: tuple `(x, y)` or `(x, y, sample_weight)` of arrays.
        validation: the same. Its rows judge.
        more: array, or dict of arrays, as `x`. Rows of `train` and of
            `validation` in it are left out; of more than 10,000 so many are
            drawn.
        owner: str. Who asks, in the sentences of what is raised.

    Returns:
        `SelfTraining`.

    Raises:
        ValueError: if the model has no such head, or nothing is left of the
            rows without labels.
        TypeError: if the rows are no arrays.
    """
    check.instance(owner, of=keras.Model, model=model)
    head = _head_of(model, owner)
    classes = class_count(model)
    x, targets, weights = _rows(owner, "train", train, classes)
    held, held_targets, held_weights = _rows(
        owner, "validation_data", validation, classes
    )
    if len(held_targets) < _LEAST_VALIDATED:
        return SelfTraining(
            f"`unlabelled` is not used: {len(held_targets)} validation rows "
            "cannot tell whether it helps."
        )
    more, left_out = _without_known(owner, more, x, held)
    below = keras.Model(graph.functional_of(model).input, head.input)

    def read(rows):
        found = below.predict(rows, batch_size=_BATCH, verbose=0)
        return np.asarray(found, "float32")

    found = label_softly(
        Labelled(read(x), targets, weights),
        Labelled(read(held), held_targets, held_weights),
        read(more),
    )
    return _used(found, targets, weights, more, left_out)


def _used(found: SoftLabels, targets, weights, more, left_out):
    """Returns the targets of all rows, or why labels alone are learned."""
    count = len(found.probabilities)
    figures = (
        f"validation loss of the head {found.before:.4f} by labels alone, "
        f"{found.after:.4f} with {count} rows without labels (standard error "
        f"of the difference {found.error:.4f})"
    )
    if left_out:
        figures += f"; {left_out} that are labelled rows are left out"
    if not found.is_better:
        return SelfTraining(f"`unlabelled` is not used: {figures}.")
    labelled = np.hstack([targets, targets])
    nothing = np.zeros_like(found.probabilities)
    soft = np.hstack([nothing, found.probabilities])
    added = np.full(count, found.weight / SHARE, "float32")
    weights = np.append(weights, added)
    return SelfTraining(
        f"`unlabelled` is used: {figures}.",
        targets=np.vstack([labelled, soft]).astype("float32"),
        weights=(weights / weights.mean()).astype("float32"),
        more=more,
    )


def compile_self_taught(model: keras.Model) -> None:
    """Compiles a classifier for the targets of `SelfTraining`."""
    compile_taught(model, share=SHARE, temperature=1.0)


def weighed(train: Any, fit_arguments: dict[str, Any]) -> Any:
    """Returns rows with the weights of `class_weight`, which is taken out.

    Targets with probabilities in them have no class that `fit` could look up.
    """
    by_class = fit_arguments.pop("class_weight", None)
    if by_class is None or not isinstance(train, tuple):
        return train
    x, y, weights = (*train, None)[:3]
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    found = np.array([by_class[int(each)] for each in labels.ravel()])
    return x, y, found if weights is None else found * np.ravel(weights)


def begin(model: keras.Model, found: SelfTraining, train: tuple) -> tuple:
    """Compiles a model for what it learns, and returns the rows for `fit`.

    Args:
        model: compiled for labels.
        found: `SelfTraining`.
        train: the rows with labels.

    Returns:
        `(x, y, sample_weight)` of all rows; `train`, and the model as it was,
        where labels alone are better.
    """
    if found.targets is None:
        return train
    compile_self_taught(model)
    joined = keras.tree.map_structure(
        lambda own, other: np.concatenate([own, np.asarray(other, own.dtype)]),
        keras.tree.map_structure(np.asarray, train[0]),
        found.more,
    )
    return joined, found.targets, found.weights


def end(model: keras.Model, given: dict[str, Any]) -> None:
    """Compiles a model as it was before `begin`, its optimizer kept."""
    settings = keras.saving.deserialize_keras_object(given)
    settings["optimizer"] = model.optimizer
    model.compile(**settings)


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


def _without_known(owner, more, *labelled):
    """Returns rows that are no labelled ones, and how many others."""
    known = {each for rows in labelled for each in _sums(rows, rows)}
    fresh = np.array([each not in known for each in _sums(more, labelled[0])])
    if not fresh.any():
        raise ValueError(
            f"{owner}: `unlabelled` must have rows that are not in `train` or "
            f"`validation_data`, because those have labels. Received: "
            f"{len(fresh)} rows, all of them labelled. Give others, or none."
        )
    kept = np.flatnonzero(fresh)
    if len(kept) > _MOST_USED:
        drawn = np.random.default_rng(0).permutation(kept)[:_MOST_USED]
        kept = np.sort(drawn)
    rows = keras.tree.map_structure(lambda leaf: np.asarray(leaf)[kept], more)
    return rows, int((~fresh).sum())


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
