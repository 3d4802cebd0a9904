"""Solves dense heads on recorded features.

A head is solved only if that is proved to be the problem that `fit` works on:
its parts are Keras's own with nothing replaced, and the solver's loss of the
present weights is the one that Keras computes and logged.
"""

import dataclasses
import math

import keras
import numpy as np

from aet_keras._keras.loss_objects import (
    compiled_losses,
    is_overridden,
    unscale_loss,
)
from aet_keras._keras.split_graph import Boundary, Key, SplitGraph
from aet_keras._keras.trainable import own_weights, sublayers
from aet_keras.layers import Uncertainty
from aet_keras.replay import lbfgs
from aet_keras.replay.head_loss import KnownLoss, NotSolved, by_output
from aet_keras.replay.head_path import path_to, steps_above
from aet_keras.replay.together import Together

# Products of rows, width and units that are solved in a few seconds.
_MOST_PRODUCTS = 1e9
# How far the solver and Keras may be apart on the same features, a share.
_ROUNDED = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 5e-2}
# The same beside the log, which may be of features that were not rounded.
_LOGGED, _LEAST_LOGGED = 0.05, 1e-3


@dataclasses.dataclass(frozen=True)
class DenseHead:
    """One dense layer above a boundary, with its loss.

    Args:
        layer: the `keras.layers.Dense`.
        known: `KnownLoss`.
        reads: `Key` of the features that it is given.
        output: int. Which of the model's outputs it makes.
        uncertainty: optional `Uncertainty`. Weighs its loss.
        weight: float > 0. What its loss weighs in `compile`.
    """

    layer: keras.layers.Dense
    known: KnownLoss
    reads: Key
    output: int
    uncertainty: Uncertainty | None
    weight: float

    def rows(self, features, y, sample_weight, let_go=None) -> lbfgs.Rows:
        """Returns recorded arrays in the form that is solved.

        Raises:
            NotSolved: if targets or weights are not what the loss goes with.
        """
        return lbfgs.Rows(
            features,
            self.known.targets(np.asarray(y), self.layer.units),
            self.known.weights(sample_weight, len(features)),
            let_go,
        )

    def is_small(self, row_count: int, shape: tuple[int, ...]) -> bool:
        """Says whether so many rows of one shape can be solved at once."""
        products = row_count * math.prod(shape) * self.layer.units
        return products <= _MOST_PRODUCTS and len(shape) == 1

    def loss(self, rows: lbfgs.Rows, together: Together = lbfgs.ALONE) -> float:
        """Returns the loss of the present weights, computed by the solver."""
        kernel, bias = self.layer.get_weights()
        return lbfgs.mean_loss(
            kernel, bias, rows, kind=self.known.solved_as, together=together
        )

    def loss_of_keras(self, features, y, sample_weight) -> float:
        """Returns the same loss, computed by the layer and the loss object."""
        total = 0.0
        for part in lbfgs.parts_of(features):
            scores = self.layer(np.asarray(features[part], "float32"))
            weights = None if sample_weight is None else sample_weight[part]
            loss = self.known.loss(y[part], scores, weights)
            # A `fit` in the scope of a strategy is divided by the replicas.
            loss = float(keras.ops.convert_to_numpy(unscale_loss(loss)))
            total += loss * len(scores) / len(features)
        return total

    def cost(self, loss: float) -> float:
        """Returns what a loss adds to the loss of the model."""
        if self.known.learns_weight and self.uncertainty is not None:
            log_variance = float(self.uncertainty.log_variance.numpy())
            price = math.log1p(math.exp(log_variance))
            loss = 0.5 * math.exp(-log_variance) * loss + price
        return self.weight * loss

    def write(self, found: lbfgs.Solution) -> None:
        """Gives the layer the weights that were found."""
        self.layer.set_weights([found.kernel, found.bias])
        weight = self.uncertainty if self.known.learns_weight else None
        if weight is not None and weight.trainable:
            weight.settle(found.loss)

    @property
    def variables(self) -> list[keras.Variable]:
        """What `write` may change."""
        more = [] if self.uncertainty is None else self.uncertainty.weights
        return [*self.layer.weights, *more]


@dataclasses.dataclass(frozen=True)
class Attempt:
    """Heads that were given better weights, and their old weights.

    Args:
        sentences: list of str. What came of each head.
        kept: list of `(variable, array)`.
        before: float. The model's validation loss with the old weights.
    """

    sentences: list[str]
    kept: list[tuple]
    before: float

    def undo(self) -> None:
        """Gives the heads their old weights back."""
        for variable, value in self.kept:
            variable.assign(value)


def heads_of(graph: SplitGraph, boundary: Boundary) -> list[DenseHead]:
    """Returns the head of each output.

    On fixed features each of them is a problem of its own, whatever its loss
    weighs beside the others'.

    Raises:
        NotSolved: if one of them is more than a dense layer on what is
            recorded, or anything of it is not as Keras made it.
    """
    model = graph.model
    losses = compiled_losses(model)
    if losses is None:
        raise NotSolved("an output has no loss, or more than one")
    if model.losses:
        raise NotSolved("the model has a regularizer, or calls `add_loss`")
    found = [path_to(graph, boundary, key) for key in graph.outputs]
    paths = [path for path in found if path is not None]
    if len(paths) < len(found):
        raise NotSolved("an output is made of more than one tensor")
    heads = [
        _named_head(model, path, loss, weight, output)
        for output, (path, (loss, weight)) in enumerate(
            zip(paths, losses, strict=True)
        )
    ]
    known = {id(layer) for path in paths for layer in path.layers}
    above = [each.layer for each in steps_above(graph, boundary)]
    one_each = len({id(head.layer) for head in heads}) == len(heads)
    if not one_each or any(each and id(each) not in known for each in above):
        raise NotSolved("outputs share layers above the recorded features")
    for head in heads:
        check_alone(head.layer, graph)
    return heads


def solve(
    heads: list[DenseHead], model, recorders, *, logged: float
) -> Attempt:
    """Solves heads on what was recorded, all of them or none.

    Args:
        heads: list of `DenseHead`.
        model: the model that they are of.
        recorders: `Recorder` of training and of validation.
        logged: float. The validation loss of the present weights.

    Returns:
        `Attempt`, without sentences if no head has better weights now.

    Raises:
        NotSolved: if Keras computes another loss than the solver.
    """
    together = Together(model)
    rows = _rows_of_all(heads, model, recorders, together)
    losses = [
        head.loss(held, together)
        for head, (_, held) in zip(heads, rows, strict=True)
    ]
    before = sum(map(DenseHead.cost, heads, losses))
    if not _is_near(before, logged, _LOGGED, _LEAST_LOGGED):
        raise NotSolved(
            f"the solver has a validation loss of {before:.4g} for its "
            f"weights, and Keras logged {logged:.4g}"
        )
    kept = [(v, v.numpy()) for head in heads for v in head.variables]
    sentences = []
    for head, loss, (train, held) in zip(heads, losses, rows, strict=True):
        found = lbfgs.solve(
            train, held, kind=head.known.solved_as, together=together
        )
        if found.loss < loss:
            head.write(found)
            sentences.append(_sentence(head, heads, loss, found))
    return Attempt(sentences, kept, before)


def _sentence(head, heads, before, found):
    called = "" if len(heads) == 1 else f" `{head.layer.name}`"
    return (
        f"solved the head{called}: validation loss {before:.4f} to "
        f"{found.loss:.4f} (L2 strength {found.strength:g})"
    )


def _rows_of_all(heads, model, recorders, together):
    """Returns `_rows` of each head; raises in all workers if one has none."""
    rows, obstacle = [], None
    try:
        for head in heads:
            rows.append([_rows(head, model, each) for each in recorders])
    except NotSolved as reason:
        obstacle = reason
    if together.count_of(obstacle):
        raise obstacle or NotSolved("another worker cannot solve it")
    return rows


def _rows(head, model, recorder):
    """Returns what a recorder recorded for a head, once the loss is proved."""
    column, row_count = recorder.column(head.reads), _count_of(recorder)
    # Before they are taken: rows that are looked up are copied for that.
    if not head.is_small(row_count, column.all().shape[1:]):
        raise NotSolved("it is too large to be solved in a few seconds")
    features, y, sample_weight = recorder.recorded(head.reads)
    y, weights = by_output(model, y), by_output(model, sample_weight)
    if y is None or weights is None or y[head.output] is None:
        raise NotSolved("it is not clear which targets belong to which output")
    given = features, y[head.output], weights[head.output]
    rows = head.rows(*given, let_go=column.let_go)
    ours, keras_own = head.loss(rows), head.loss_of_keras(*given)
    if not _is_near(ours, keras_own, _ROUNDED[head.layer.compute_dtype]):
        raise NotSolved(
            f"the solver has a loss of {ours:.4g} for its weights, and Keras "
            f"computes {keras_own:.4g}"
        )
    return rows


def _count_of(recorder):
    """Returns how many rows `recorded` would return."""
    if recorder.last_pass is None:
        return recorder.record.count
    rows, _ = recorder.last_pass()
    return len(rows)


def _is_near(ours, other, share, least=1e-6):
    return abs(ours - other) <= share * abs(other) + least


def _named_head(model, path, loss, weight, output):
    """Returns the head of an output; names the output if there are more."""
    try:
        return _head(path, loss, weight, output)
    except NotSolved as reason:
        if len(model.outputs) == 1:
            raise
        name = model.output_names[output]
        raise NotSolved(f"of the output `{name}`, {reason}") from None


def _head(path, loss, weight, output):
    """Returns the head at the end of a path."""
    below = list(path.layers)
    uncertainty = None
    if below and type(below[-1]) is Uncertainty:
        uncertainty = below.pop()
    dense = below.pop() if below else None
    plain = all(type(each) is keras.layers.Dropout for each in below)
    if type(dense) is not keras.layers.Dense or not plain:
        raise NotSolved(
            "it is not one `keras.layers.Dense` on what is recorded"
        )
    if path.shape != (None, dense.units):
        raise NotSolved(f"its output has the shape {path.shape}")
    check_plain(dense)
    known = KnownLoss.of(loss)
    known.check_activation(dense.activation)
    weight = 1.0 if weight is None else float(weight)
    if not weight > 0:
        raise NotSolved(f"its loss weighs {weight:g} in `loss_weights`")
    return DenseHead(dense, known, path.key, output, uncertainty, weight)


def check_plain(dense):
    """Raises a `NotSolved` unless kernel and bias are free, and are all."""
    if is_overridden(dense):
        raise NotSolved("it has a `call` of its own")
    if dense.lora_enabled:
        raise NotSolved("it has LoRA adapters")
    if dense.quantization_mode is not None:
        raise NotSolved("it is quantized")
    if not dense.use_bias:
        raise NotSolved("it has no bias")
    if [id(v) for v in dense.weights] != [id(dense.kernel), id(dense.bias)]:
        raise NotSolved("it has more weights than a kernel and a bias")
    if dense.compute_dtype not in _ROUNDED:
        raise NotSolved(f"it computes in {dense.compute_dtype}")
    if dense.activity_regularizer is not None:
        raise NotSolved("it has an activity regularizer")
    moving = {id(v) for v in dense.trainable_weights}
    for name, variable in (("kernel", dense.kernel), ("bias", dense.bias)):
        own = getattr(dense, f"{name}_constraint")
        if own is not None or variable.constraint is not None:
            raise NotSolved(f"its {name} has a constraint")
        own = getattr(dense, f"{name}_regularizer")
        if own is not None or variable.regularizer is not None:
            raise NotSolved(f"its {name} has a regularizer")
        if id(variable) not in moving:
            raise NotSolved(f"its {name} is not trainable")


def check_alone(dense, graph):
    """Raises a `NotSolved` if a weight of it is used elsewhere, too."""
    own = {id(v) for v in dense.weights}
    calls = [step.layer for step in graph.steps]
    others = [each for each in sublayers(graph.model) if each is not dense]
    used = [v for each in others for v in own_weights(each)]
    if sum(each is dense for each in calls) > 1 or any(
        id(v) in own for v in used
    ):
        raise NotSolved("its weights are used elsewhere, too")


@dataclasses.dataclass(frozen=True)
class SolvedHead:
    """Says what solving the head brought, measured as `fit` measures it.

    Args:
        epoch: int >= 1. Epochs finished when it was solved.
        before: float. The validation loss of that epoch.
        after: float. The validation loss with the solved head.
        logs: dict from str to float. All validation figures with the solved
            head, under the keys of the logs: `val_loss`, `val_accuracy`.

    Example:

    >>> print(aet_keras.replay.dense_head.SolvedHead(1, 1.8245, 0.9357, {}))
    validation loss 1.8245 to 0.9357 after epoch 1
    """

    epoch: int
    before: float
    after: float
    logs: dict[str, float]

    def __str__(self):
        return (
            f"validation loss {self.before:.4f} to {self.after:.4f} after "
            f"epoch {self.epoch}"
        )
