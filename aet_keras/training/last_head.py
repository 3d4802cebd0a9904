"""Solves the head anew once training is over, where rows are few."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from aet_keras._keras import agreement, detached, graph
from aet_keras._keras.split_graph import SplitGraph
from aet_keras.replay import lbfgs
from aet_keras.replay.dense_head import SolvedHead, check_alone, check_plain
from aet_keras.replay.head_loss import KnownLoss, NotSolved
from aet_keras.training.soft_labels import ERRORS, class_factors, row_losses
from aet_keras.training.teach import known_loss

MOST_ROWS = 200  # to train on; it was measured with 100
_LEAST_VALIDATED, _MOST_VALIDATED = 10, 10_000  # rows
_BATCH = 128
_NEAR, _LEAST_NEAR = 0.05, 1e-3  # of the validation loss that was logged
# Where one of them is given, `fit` learns or judges by other rows or weights.
_OTHERS = (
    "sample_weight",
    "steps_per_epoch",
    "validation_split",
    "validation_steps",
)


@dataclasses.dataclass(frozen=True)
class SolvedAgain:
    """Says what came of a head that was solved once training was over.

    Args:
        sentence: str. Whether it is kept, and the figures that decided it.
        solved: optional `SolvedHead`; None where the model keeps its own.
    """

    sentence: str
    solved: SolvedHead | None = None


@dataclasses.dataclass(frozen=True)
class FewRows:
    """Holds what goes into the head of a classifier that few rows taught.

    Args:
        head: the `keras.layers.Dense` that it ends in.
        rows: `lbfgs.Rows` to train on.
        held: `lbfgs.Rows` to validate on.
        read: function that reads the latter again, of weights that moved.
    """

    head: keras.layers.Dense
    rows: lbfgs.Rows
    held: lbfgs.Rows
    read: Callable[[], lbfgs.Rows]

    @classmethod
    def of(
        cls,
        model: keras.Model,
        train: Any,
        validation: Any,
        *,
        logged: float,
        settings: Mapping[str, Any],
        most: int = MOST_ROWS,
    ) -> "FewRows | None":
        """Reads them; None where that cannot be, as of `solve_again`.

        Args:
            model: as of `solve_again`, and the others, too.
            most: int >= 1. Rows to train on.
        """
        if agreement.worker_count(model.distribute_strategy) > 1 or any(
            settings.get(name) is not None for name in _OTHERS
        ):
            return None
        try:
            head, known = _head_of(model)
            below = keras.Model(graph.functional_of(model).input, head.input)
            read = functools.partial(_read, below, known, head.units)
            rows, held = read(train, most), read(validation, _MOST_VALIDATED)
        except NotSolved:
            return None
        if len(held.features) < _LEAST_VALIDATED:
            return None
        kernel, bias = head.get_weights()
        loss = float(row_losses(kernel, bias, held).mean())
        if not abs(loss - logged) <= _NEAR * abs(logged) + _LEAST_NEAR:
            return None  # what was read is not what `fit` was judged by
        again = functools.partial(read, validation, _MOST_VALIDATED)
        return cls(head, rows, held, again)


def solve_again(
    model: keras.Model,
    train: Any,
    validation: Any,
    *,
    epoch: int,
    logged: float,
    settings: Mapping[str, Any],
) -> SolvedAgain | None:
    """Gives a classifier the best head for what its groups put out now.

    Groups that moved put out other features than those that the head was
    solved on, and a few steps on a few rows do not bring it to its best. It is
    solved on the training rows, with the L2 strength that is best on the
    validation rows, and kept if the gain in their loss is above half its
    standard error.

    Args:
        model: a compiled `keras.Model`, as training left it.
        train: tuple `(x, y)` or `(x, y, sample_weight)` of arrays, or a
            `tf.data.Dataset` of batches of them.
        validation: the same.
        epoch: int >= 1. The epoch that the weights are of.
        logged: float. The validation loss of these weights, as Keras had it.
        settings: dict. Other arguments of `fit`.

    Returns:
        `SolvedAgain`; None where it does not apply: more than 200 rows to
        train on, fewer than 10 to validate on, rows that cannot be read
        again, a model that does not end in a dense layer with a cross-entropy
        of classes, or a loss that is not the logged one. A model that several
        workers share is left as it is, too: see `by_chief`.

    Cost:
        One pass over the rows, and one over the validation rows where the
        head is kept.
    """
    begun = time.perf_counter()
    few = FewRows.of(model, train, validation, logged=logged, settings=settings)
    if few is None:
        return None
    head, rows, held = few.head, few.rows, few.held
    factors = class_factors(rows.targets, settings.get("class_weight") or {})
    rows = dataclasses.replace(rows, weights=rows.weights * factors)
    kernel, bias = head.get_weights()
    own = row_losses(kernel, bias, held)
    before = float(own.mean())
    found = lbfgs.solve(rows, held, kind="softmax")
    gains = own - row_losses(found.kernel, found.bias, held)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    solved, verb = None, "did not keep the head solved again"
    if gains.mean() > ERRORS * error:
        head.set_weights([found.kernel, found.bias])
        logs = evaluated(model, validation)
        solved = SolvedHead(epoch, before, found.loss, logs)
        verb = "solved the head again"
    seconds = time.perf_counter() - begun
    return SolvedAgain(
        f"{verb}: validation loss {before:.4f} to {found.loss:.4f} (standard "
        f"error of the gain {error:.4f}, L2 strength {found.strength:g}, "
        f"{seconds:.1f} s)",
        solved,
    )


def _head_of(model: keras.Model) -> tuple[keras.layers.Dense, KnownLoss]:
    """Returns the dense layer that a classifier ends in, and its loss.

    Raises:
        NotSolved: if there is no such layer, or its loss is another one.
    """
    try:
        known = known_loss(model)
    except ValueError as reason:
        raise NotSolved(str(reason)) from reason
    if known.taught is not None or not graph.is_graph(model) or model.losses:
        raise NotSolved("the loss is more than a cross-entropy of labels")
    head = model.layers[-1]
    if type(head) is not keras.layers.Dense or len(model.outputs) != 1:
        raise NotSolved("it does not end in one dense layer")
    if model.output_shape != (None, head.units):
        raise NotSolved("it has more than one answer for a row")
    check_plain(head)
    check_alone(head, SplitGraph(model))
    known.check_activation(head.activation)
    return head, known


def _read(below, known, units, given, most):
    """Returns what goes into the head of each row, and what it should say."""
    features, targets, weights, count = [], [], [], 0
    for x, y, weight in _batches(given, most):
        if not _is_array(y):
            raise NotSolved("the targets are no array")
        y = np.asarray(y)
        count += len(y)
        if count > most:
            raise NotSolved("there are too many rows")
        features.append(np.asarray(below.predict_on_batch(x), "float32"))
        targets.append(known.targets(y, units))
        weight = None if weight is None else np.asarray(weight)
        weights.append(known.weights(weight, len(y)))
    if not count:
        raise NotSolved("there are no rows")
    return lbfgs.Rows(
        np.concatenate(features),
        np.concatenate(targets),
        np.concatenate(weights),
    )


def _batches(given, most) -> Iterator[tuple]:
    """Yields inputs, targets and weights (or None), some rows at a time."""
    if detached.is_dataset(given):
        if not 0 < int(given.cardinality()) <= most:  # below 0: not known
            raise NotSolved("it is not known how many batches there are")
        for batch in detached.detached(given):
            yield keras.utils.unpack_x_y_sample_weight(batch)
        return
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise NotSolved("the rows are no arrays")
    x, y, weights = (*given, None)[:3]
    known = [*keras.tree.flatten(x), y, *(() if weights is None else [weights])]
    if not all(map(_is_array, known)):
        raise NotSolved("the rows are no arrays")
    if len(y) > most:
        raise NotSolved("there are too many rows")
    for start in range(0, len(y), _BATCH):
        part = slice(start, start + _BATCH)
        cut = keras.tree.map_structure(lambda leaf: leaf[part], x)  # noqa: B023
        yield cut, y[part], None if weights is None else weights[part]


def may_be_few(given: Any, most: int = 500) -> bool:
    """Says whether there may be so few rows; it reads one batch.

    Args:
        given: as `train` of `solve_again`.
        most: int >= 1. Rows; those of `longer`, which are more.
    """
    if not detached.is_dataset(given):
        return isinstance(given, tuple | list) and len(given[1]) <= most
    count = int(given.cardinality())
    if not 0 < count <= most:
        return False
    first = next(iter(detached.detached(given)))
    rows = int(keras.ops.shape(keras.tree.flatten(first)[0])[0])
    return (count - 1) * rows < most


def _is_array(value):
    return isinstance(value, np.ndarray) or keras.ops.is_tensor(value)


def evaluated(model: keras.Model, validation: Any) -> dict[str, float]:
    """Returns all validation figures, under the keys of the logs.

    Args:
        model: a compiled `keras.Model`.
        validation: as `validation_data` of `fit`.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> rows = np.ones((4, 2)), np.ones((4, 1))
    >>> [*aet_keras.training.last_head.evaluated(model, rows)]
    ['val_loss']
    """
    given, settings = validation, {}
    if not detached.is_dataset(validation):
        given, y, weights = (*validation, None)[:3]
        settings = {"y": y, "sample_weight": weights, "batch_size": _BATCH}
    logs = model.evaluate(given, verbose=0, return_dict=True, **settings)
    return {f"val_{key}": value for key, value in logs.items()}
