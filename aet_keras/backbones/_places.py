"""Finds the operations of a model behind which new layers go."""

import keras

from aet_keras import _check as check
from aet_keras._keras import graph, rebuild, trainable
from aet_keras.backbones.groups import HEAD, Group

_KINDS = "a layer name, a layer, a `Group`, or a sequence of these"


def check_graph(owner, model):
    """Refuses a model whose calls cannot be made again one by one."""
    check.instance(owner, of=keras.Model, model=model)
    if graph.runs_only_its_graph(model):
        return
    if isinstance(model, keras.Sequential) and not graph.is_graph(model):
        remedy = "Build it first: `model.build(input_shape)`."
    else:
        remedy = (
            "A subclassed model hides its graph: call the new layer in its "
            "`call`, or give the functional model inside it."
        )
    raise ValueError(
        f"{owner}: the model must be functional or a built Sequential, "
        f"because its graph is read. Received: {type(model).__name__}. "
        f"{remedy}"
    )


def find(model, after):
    """Returns `rebuild.Called` of each place, once, in order of computation."""
    called = rebuild.called(model)
    order = {key: position for position, key in enumerate(called)}
    keys = {
        key
        for place in _listed(after)
        for key in [_key(model, called, order, place)]
        if key is not None
    }
    if not keys:
        raise ValueError(
            "graft: `after` must hold at least one place below the head, "
            "because a new layer stands behind something. Received: "
            f"after={after!r}. Name a layer, or take `group_layers(model)`; a "
            "model without residual sums has no `residual_branches`, and a "
            "model of one layer is all head."
        )
    places = [called[key] for key in sorted(keys, key=order.get)]
    for place in places:
        _check_tensor(place)
    return places


def _listed(after):
    if isinstance(after, str | keras.Operation | Group):
        return [after]
    if isinstance(after, list | tuple | set | frozenset):
        return after
    raise _wrong_kind("after", after)


def _key(model, called, order, place):
    """Returns the id of the operation at a place, or None for the head."""
    if isinstance(place, str):
        return _by_name(model, called, place)
    if isinstance(place, keras.Operation):
        return _by_identity(model, called, place)
    if not isinstance(place, Group):
        raise _wrong_kind("each of `after`", place)
    if place.name == HEAD or not place.layers:
        return None
    keys = [_by_identity(model, called, layer) for layer in place.layers]
    return max(keys, key=order.get)


def _by_name(model, called, name):
    keys = [k for k, each in called.items() if each.operation.name == name]
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise ValueError(
            f"graft: a name must be of one layer, because it says where the "
            f"new one stands. Received: `{name}`, of {len(keys)} layers in "
            "different nested models. Give the layer itself."
        )
    hidden = trainable.layers_by_name(model)
    if name in hidden:
        _refuse_inside(called, hidden[name])
    names = [each.operation.name for each in called.values()]
    check.known("graft", kind="layer", among=names, name=name)


def _by_identity(model, called, layer):
    if id(layer) in called:
        return id(layer)
    if isinstance(layer, keras.layers.Layer):
        _refuse_inside(called, layer)
    raise ValueError(
        f"graft: `{layer.name}` must be called in the graph of the model, "
        "because a new layer stands behind a call. Received: "
        f"model={model.name}. Take layers, and groups, of this very model."
    )


def _refuse_inside(called, layer):
    for each in called.values():
        if not isinstance(each.operation, keras.layers.Layer):
            continue
        inside = trainable.sublayers(each.operation)
        if any(one is layer for one in inside):
            raise ValueError(
                f"graft: `{layer.name}` must be called in a graph, because a "
                f"new layer stands behind a call. Received: a part of "
                f"`{each.operation.name}`, whose own code calls it. Name "
                f"`{each.operation.name}`."
            )


def _check_tensor(place):
    for outputs in place.outputs:
        is_float = [keras.backend.is_float_dtype(t.dtype) for t in outputs]
        if is_float != [True]:
            given = ", ".join(f"{tuple(t.shape)} {t.dtype}" for t in outputs)
            raise ValueError(
                f"graft: `{place.operation.name}` must give a single tensor "
                "of floats, because attention turns features up and down. "
                f"Received: {given}. Name a layer behind it."
            )


def _wrong_kind(what, value):
    return TypeError(f"graft: {what} must be {_KINDS}. Received: {value!r}.")
