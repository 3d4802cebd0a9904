"""Builds a model again from its graph, with new layers in it.

Every call of the graph is made again, on new inputs, with the arguments it
was given. Nested models are built again as nested models.
"""

import dataclasses
from typing import Any

import keras
from keras.src.models.functional import functional_like_constructor

from aet_keras._keras import copies, graph, trainable

_STEPS = ("train_step", "test_step", "predict_step", "compute_loss")


@dataclasses.dataclass(frozen=True)
class Called:
    """An operation of a graph, and what each of its calls gives.

    Args:
        operation: a layer, a nested model, or a bare operation.
        outputs: list of lists of `keras.KerasTensor`.
    """

    operation: keras.Operation
    outputs: list


def called(model: keras.Model) -> dict[int, Called]:
    """Lists what a model calls by the id of each, in order of computation.

    What a nested model calls comes before the nested model itself.
    """
    found: dict[int, Any] = {}
    _collect(model, found)
    return found


def lost_methods(model: keras.Model) -> list[str]:
    """Returns which overridden methods a model built again would not have.

    A class whose constructor takes no inputs and outputs cannot be made from
    a graph: a plain model stands in for it.
    """
    if _has_class_kept(model):
        return []
    return graph.overridden(model, *_STEPS)


def try_on(layer: keras.layers.Layer, tensor: keras.KerasTensor):
    """Returns what a new layer gives for such a tensor; it stays unused."""
    shape, dtype = tensor.shape, tensor.dtype
    outputs = layer(keras.KerasTensor(shape, dtype=dtype))
    # `layer.output` would be this trial's for ever, not the model's.
    layer._inbound_nodes = []
    return outputs


def rebuild(
    model: keras.Model, grafts: dict[int, keras.layers.Layer], *, share: bool
) -> keras.Model:
    """Builds a model again, with new layers behind some of its operations.

    Args:
        model: a model that does no more than run its graph.
        grafts: dict from the id of an operation to the layer that is called
            on what each of its calls gives, and whose output is read instead.
        share: bool. Whether the layers are used again, or copied.

    Returns:
        A new model. Containers that hold a new layer are no longer frozen,
        so that it can learn; the layers in them stay as they were.

    Raises:
        copies.NotCopied: if a layer cannot be copied faithfully.
    """
    work = _Rebuilding(grafts, share)
    if not share:
        _check_untied(model)
    made = work.build(model)
    if not share:
        work.copy_states()
    trainable.open_parents(made, grafts.values())
    return made


class _Rebuilding:
    def __init__(self, grafts, share):
        self._grafts = grafts
        self._share = share
        self._made = {}  # by id of the old: the old, and what replaces it
        self._containers = []

    def build(self, model):
        is_sequential = isinstance(model, keras.Sequential)
        make = self._sequential if is_sequential else self._functional
        made = make(model)
        copies.copy_container(model, made)
        self._containers.append((model, made))
        return made

    def copy_states(self):
        rebuilt = {id(made) for _, made in self._containers}
        for old, made in self._made.values():
            if isinstance(old, keras.layers.Layer) and id(made) not in rebuilt:
                copies.copy_state(old, made)
        for old, made in self._containers:
            if not made.trainable and self._holds_graft(old):
                self._freeze_inside(old, rebuilt)

    def _freeze_inside(self, model, rebuilt):
        """Freezes what a frozen model hides, before it is opened."""
        for key in called(model):
            made = self._made[key][1]
            if isinstance(made, keras.layers.Layer) and id(made) not in rebuilt:
                made.trainable = False

    def _holds_graft(self, model):
        return any(key in self._grafts for key in called(model))

    def _replacement(self, operation):
        key = id(operation)
        if key not in self._made:
            self._made[key] = operation, self._replace(operation)
        return self._made[key][1]

    def _replace(self, operation):
        if not isinstance(operation, keras.layers.Layer):
            return copies.copy_bare(operation)
        if graph.runs_only_its_graph(operation):
            if not self._share or self._holds_graft(operation):
                return self.build(operation)
        return operation if self._share else copies.copy_layer(operation)

    def _sequential(self, model):
        layers = [_new_input(model._layers[0])]
        for layer in model.layers:
            layers.append(self._replacement(layer))
            if id(layer) in self._grafts:
                layers.append(self._grafts[id(layer)])
        return keras.Sequential(layers, name=model.name)

    def _functional(self, model):
        tensors = {}
        for tensor in model.inputs:
            layer = _new_input(tensor._keras_history.operation)
            tensors[id(tensor)] = layer.output
        for node in graph.in_order(model):
            tensors.update(self._call(node, tensors))
        inputs, outputs = (
            keras.tree.map_structure(lambda t: tensors[id(t)], structure)
            for structure in (model.input, model.output)
        )
        make = type(model) if _has_class_kept(model) else keras.Model
        return make(inputs, outputs, name=model.name)

    def _call(self, node, tensors):
        args, kwargs = node.arguments.fill_in(tensors)
        outputs = self._replacement(node.operation)(*args, **kwargs)
        outputs = keras.tree.flatten(outputs)
        graft = self._grafts.get(id(node.operation))
        if graft is not None:
            outputs = [graft(*outputs)]
        keys = [id(tensor) for tensor in node.outputs]
        return zip(keys, outputs, strict=True)


def _collect(model, found):
    for node in graph.in_order(graph.functional_of(model)):
        operation = node.operation
        if id(operation) not in found:
            if graph.runs_only_its_graph(operation):
                _collect(operation, found)
            found[id(operation)] = Called(operation, [])
        found[id(operation)].outputs.append(node.outputs)


def _has_class_kept(model):
    if isinstance(model, keras.Sequential):
        return type(model) is keras.Sequential
    return functional_like_constructor(type(model))


def _new_input(layer):
    return type(layer).from_config(layer.get_config())


def _check_untied(model):
    """Refuses weights that two layers share, which copies would not."""
    owners = {}
    for each in called(model).values():
        if graph.runs_only_its_graph(each.operation):
            continue
        for weight in getattr(each.operation, "weights", ()):
            owner = owners.setdefault(id(weight), each.operation)
            if owner is not each.operation:
                raise copies.NotCopied(
                    f"`{owner.name}` and `{each.operation.name}` share a "
                    "weight, and their copies would not"
                )
