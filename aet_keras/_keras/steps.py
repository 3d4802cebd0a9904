"""Makes the step of `fit` above a boundary of the model.

`train_step` and `test_step` of `keras.Model` with the forward pass of the
part below left out: optimizer, loss, metrics and loss tracker are the
model's own.
"""

import warnings
from collections.abc import Callable, Collection
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from aet_keras._keras import proofs, replicas, validation_penalties
from aet_keras._keras.fixed import may_heed_training
from aet_keras._keras.split_graph import Boundary, SplitGraph, UnsafeBelow

_NOTHING_MOVES = (
    "fit: a layer must be trainable, because a step changes no weight "
    "otherwise. Received: a model of which all layers are frozen. Set "
    "`trainable = True` of one, such as the head, or let a group thaw."
)


class Signature:
    """Describes a nested structure of tensors whose batch may be any size.

    Args:
        example: nested structure of tensors or arrays, `None` allowed.
        open_leaves: numbers of the leaves whose second axis may be of any
            size, too.
    """

    def __init__(self, example, *, open_leaves: Collection[int] = ()):
        self._structure = example
        flat = keras.tree.flatten(example)
        self._present = [leaf is not None for leaf in flat]
        self.specs = [
            tf.TensorSpec(_open(leaf.shape, number in open_leaves), leaf.dtype)
            for number, leaf in enumerate(flat)
            if leaf is not None
        ]
        paths = keras.tree.flatten_with_path(example)
        # What signatures of leaves in the same places have in common.
        self.key = (
            tuple(path for path, _ in paths),
            tuple(self._present),
            tuple(self.specs),
        )

    def flatten(self, structure) -> list:
        """Returns the leaves that are not None."""
        flat = keras.tree.flatten(structure)
        return [leaf for leaf in flat if leaf is not None]

    def fits(self, leaves) -> bool:
        """Says whether leaves have the example's shapes, rows aside."""
        return len(leaves) == len(self.specs) and all(
            spec.is_compatible_with(leaf)
            for spec, leaf in zip(self.specs, leaves, strict=True)
        )

    def pack(self, leaves):
        """Returns the structure of some leaves."""
        rest = iter(leaves)
        flat = [next(rest) if here else None for here in self._present]
        return keras.tree.pack_sequence_as(self._structure, flat)


class LowerFunctions:
    """Makes functions of the part below a boundary, each once.

    Training and validation share them where nothing below depends on
    `training`.

    Args:
        graph: `SplitGraph` of the model.
        is_folded: bool. As of `SplitGraph.compute_lower`.
        may_draw: bool. Whether layers below may draw at random in training.
    """

    def __init__(
        self,
        graph: SplitGraph,
        *,
        is_folded: bool = False,
        may_draw: bool = False,
    ):
        self._graph = graph
        self._may_draw = may_draw
        self._is_folded = is_folded
        self._made: dict[Any, Callable] = {}
        self._heeding: dict[Any, bool] = {}

    def has(
        self, boundary: Boundary, signature: Signature, *, training: bool
    ) -> bool:
        """Says whether `find` returns what it has returned before."""
        return self._place(boundary, signature, training) in self._made

    def find(
        self, boundary: Boundary, signature: Signature, *, training: bool
    ) -> Callable:
        """Returns a function of the inputs' leaves: the tensors to record.

        As in `SplitGraph.compute_lower`, `None` for those that cannot be kept.

        Raises:
            UnsafeBelow: if a layer draws by operations of TensorFlow, which
                no flag shows. What runs eagerly is not looked at.
        """
        place = self._place(boundary, signature, training)
        if place not in self._made:
            graph, is_folded = self._graph, self._is_folded

            def compute(*leaves):
                return graph.compute_lower(
                    signature.pack(leaves),
                    boundary,
                    boundary.recorded,
                    training=training,
                    is_folded=is_folded,
                )

            function = _compiled(
                graph.model,
                replicas.concatenated(graph.model, compute),
                signature.specs,
            )
            may_draw = training and self._may_draw
            if not may_draw and proofs.draws(function):
                raise UnsafeBelow(
                    "a layer draws at random, without a seed generator of Keras"
                )
            self._made[place] = function
        return self._made[place]

    def _place(self, boundary, signature, training):
        if boundary.lower not in self._heeding:
            layers = self._graph.lower_layers(boundary)
            heeds = any(map(may_heed_training, layers))
            self._heeding[boundary.lower] = heeds
        heeded = training if self._heeding[boundary.lower] else None
        return boundary.lower, boundary.recorded, heeded, signature.key


def trial_function(
    graph: SplitGraph, boundary: Boundary, crossing: Signature
) -> Callable:
    """Makes a function of what crosses the boundary: outputs and losses, flat.

    Nothing is written. Weights that are small are tried as if they had grown:
    a gain that starts at zero would hide what its layer will do.
    """
    values = [
        (weight, _grown(weight.value))
        for layer in graph.upper_layers(boundary)
        for weight in layer.trainable_variables
    ]

    def compute(*leaves):
        scope = keras.StatelessScope(values, collect_losses=True)
        with scope:
            tensors = crossing.pack(leaves)
            outputs = graph.compute_upper(tensors, boundary, training=False)
        return [*keras.tree.flatten(outputs), *scope.losses]

    return _compiled(graph.model, compute, crossing.specs)


def train_function(
    graph: SplitGraph,
    boundary: Boundary,
    crossing: Signature,
    targets: Signature,
) -> Callable:
    """Makes a function of what crosses the boundary, targets and weights.

    It does what `keras.Model.train_step` does, and returns its logs. With
    several workers it takes how many rows all of them have, too.
    """
    model = graph.model
    _build_metrics(graph, targets)

    def step(*leaves, weight):
        tensors, y, sample_weight = _unpacked(leaves, crossing, targets)
        model._clear_losses()
        with tf.GradientTape() as tape:
            outputs = graph.compute_upper(tensors, boundary, training=True)
            loss = _tracked_loss(
                model, tensors, y, outputs, sample_weight, training=True
            )
            if weight is not None:
                loss = loss * tf.cast(weight, loss.dtype)
            loss = model.optimizer.scale_loss(loss)
        weights = model.trainable_weights
        if weights:
            pairs = zip(tape.gradient(loss, weights), weights, strict=True)
            model.optimizer.apply_gradients(pairs)
        else:  # Keras goes on, too
            warnings.warn(_NOTHING_MOVES, stacklevel=2)
        return model.compute_metrics(tensors, y, outputs, sample_weight)

    run, more = replicas.averaged(model, step, is_training=True)
    return _compiled(model, run, crossing.specs + targets.specs + more)


def evaluate_function(
    graph: SplitGraph,
    boundary: Boundary,
    crossing: Signature,
    targets: Signature,
) -> Callable:
    """Makes a function that does what `keras.Model.test_step` does."""
    model = graph.model
    _build_metrics(graph, targets)

    def step(*leaves, weight):
        tensors, y, sample_weight = _unpacked(leaves, crossing, targets)
        model._clear_losses()
        outputs = graph.compute_upper(tensors, boundary, training=False)
        _tracked_loss(model, tensors, y, outputs, sample_weight, training=False)
        return model.compute_metrics(tensors, y, outputs, sample_weight)

    run, _ = replicas.averaged(model, step, is_training=False)
    return _compiled(model, run, crossing.specs + targets.specs)


def _grown(value):
    is_small = ops.max(ops.abs(value)) < 0.1
    return ops.where(is_small, value + 0.1, value)


def _open(shape, is_open):
    rest = shape[1:]
    return [None, None, *rest[1:]] if is_open else [None, *rest]


def _build_metrics(graph, targets):
    """Makes the metrics that were given by their names.

    Keras makes them inside the first step, which TensorFlow then traces a
    second time, because variables came of the first.
    """
    model, outputs = graph.model, graph.symbolic_outputs
    y, _ = targets.pack(
        [keras.KerasTensor(spec.shape, spec.dtype) for spec in targets.specs]
    )
    for each in (model._compile_metrics, model._compile_loss):
        if each is not None and not each.built and _is_alike(y, outputs):
            each.build(y, outputs)


def _is_alike(y, outputs):
    """Says whether targets come packed as outputs do.

    Where they do not (by name for outputs in a list), the step packs them
    again before it makes anything of them.
    """
    try:
        keras.tree.assert_same_structure(y, outputs)
    except ValueError:
        return False
    return True


def _unpacked(leaves, crossing, targets):
    count = len(crossing.specs)
    y, sample_weight = targets.pack(leaves[count:])
    return crossing.pack(leaves[:count]), y, sample_weight


def _tracked_loss(model, tensors, y, outputs, sample_weight, *, training):
    loss = model._compute_loss(
        x=tensors,
        y=y,
        y_pred=outputs,
        sample_weight=sample_weight,
        training=training,
    )
    more = None if training else validation_penalties.correction(model)
    loss = loss if more is None else loss + tf.cast(more, loss.dtype)
    rows = tf.shape(tensors[0])[0]
    model._loss_tracker.update_state(
        replicas.loss_of_share(loss, rows), sample_weight=rows
    )
    return loss


def _compiled(model, function, specs):
    if model.run_eagerly:
        return function
    return tf.function(
        tf.autograph.experimental.do_not_convert(function),
        input_signature=specs,
        jit_compile=model.jit_compile,
    )
