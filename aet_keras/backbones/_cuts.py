"""Finds where a graph of layers ends as a backbone and begins as a head."""

import keras

from aet_keras._keras import graph
from aet_keras.backbones import _stages
from aet_keras.backbones._stages import Stage, wrapped

_POOLINGS = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
)


def cut(model, backbone=None):
    """Returns the stages of a model's backbone, and its head.

    Args:
        model: a functional or built Sequential model.
        backbone: optional layer of its graph: the nested pretrained model.

    Returns:
        Tuple of a list of `Stage`, and of a list of `graph.Call`.
    """
    calls = _unique(graph.calls(model))
    nested = _nested(calls, backbone)
    if nested is not None:
        stages, head = _around(calls, nested)
    else:
        start = _head_start(calls)
        trunk, head = _without_ends(calls[:start], calls[start:])
        stages = _stages.cut(trunk)
    inside = {id(call.layer) for stage in stages for call in stage.calls}
    # a language model may read words off the table it looked them up in
    return _named(stages), [c for c in head if id(c.layer) not in inside]


def _unique(calls):
    """Keeps the first call of each layer, which belongs where that stands."""
    first = {}
    for call in calls:
        first.setdefault(id(call.layer), call)
    return list(first.values())


def _nested(calls, backbone):
    """Returns the position of the nested model that is the backbone."""
    if backbone is not None:
        for position, call in enumerate(calls):
            if call.layer is backbone:
                return position
        raise ValueError(
            f"group_layers: the backbone `{backbone.name}` must be a layer of "
            "the model's own graph. Give `groups=` instead."
        )
    models = [
        position
        for position, call in enumerate(calls)
        if isinstance(call.layer, keras.Model)
        and graph.is_graph(call.layer)
        and sum(bool(each.weights) for each in _inside(call.layer)) > 1
    ]
    weight = {p: calls[p].weight_count for p in models}
    # A new tower for the columns of a table may outweigh a small backbone.
    deep = [p for p in models if _has_positions(_inside(calls[p].layer))]
    largest = max(deep or models, key=weight.get, default=None)
    if largest is None or weight[largest] < _rivals(calls, largest):
        return None
    return largest


def _rivals(calls, nested):
    """Counts the weights that make maps beside a nested model.

    A small nested model in a large flat graph is a detail of that backbone.
    """
    return sum(
        call.weight_count
        for position, call in enumerate(calls)
        if position != nested
        and not _drops_positions(call)
        and max((len(shape) for shape in call.inputs), default=0) > 2
    )


def _inside(model):
    return _unique(graph.calls(model))


def _around(calls, position):
    """Splits a graph around its nested backbone: stages, and the head."""
    below = calls[:position]
    adapters = [c for c in below if _can_move(c)]
    plain = [c for c in below if not _can_move(c)]
    stages = wrapped(plain, _expand(calls[position]), [])
    return stages, adapters + calls[position + 1 :]


def _can_move(call):
    return any(weight.trainable for weight in call.weights)


def _expand(call):
    """Cuts a nested model, and the nested model inside that, if any."""
    if not graph.is_graph(call.layer):
        return _stages.cut([call])
    calls = _inside(call.layer)
    deeper = _nested(calls, None)
    if deeper is None:
        return _stages.cut(calls)
    stages = _expand(calls[deeper])
    return wrapped(calls[:deeper], stages, calls[deeper + 1 :])


def _head_start(calls):
    """Returns where the head of a flat graph begins.

    That is the layer that drops the positions (pooling, flattening) for good
    while a single tensor is alive, or, with no weights above it, the last
    layer that has any. The pooling of a gate is none: its map lives on and
    takes the gate's scores back in.
    """
    weighted = [i for i, call in enumerate(calls) if call.weights]
    if len(weighted) < 2:
        return 0
    drops = [
        i
        for i, call in enumerate(calls)
        if i > weighted[0]
        and calls[i - 1].live == 1
        and _drops_positions(call)
        and not (call.live > 1 and _has_positions(calls[i + 1 :]))
    ]
    if drops:
        final = [i for i in drops if not any(map(_makes_map, calls[i:]))]
        return min((final or drops[-1:])[0], weighted[-1])
    ends_in_scores = len(calls[-1].outputs[0]) == 2
    return weighted[-1] if ends_in_scores else len(calls)


def _without_ends(below, head):
    """Moves to the head what leads to other outputs alone.

    Of several heads of a flat graph, all but one may lie below where the
    last one begins.
    """
    led_to = {id(call.layer) for call in head}
    found = head
    while found:  # a layer that is called twice may be read from below
        rest = [call for call in below if id(call.layer) not in led_to]
        found = [
            call
            for call in rest
            if any(id(each) in led_to for each in call.readers)
        ]
        led_to.update(id(call.layer) for call in found)
    trunk = [call for call in below if id(call.layer) in led_to]
    if not any(call.weights for call in trunk):
        return below, head
    ends = [call for call in below if id(call.layer) not in led_to]
    return trunk, ends + head


def _drops_positions(call):
    """Says whether a call pools all positions or makes them features.

    Global poolings may leave sides of 1, for convolutions to follow.
    """
    ranks = [len(shape) for shape in call.inputs]
    is_flat = bool(ranks) and max(ranks) > 2 >= len(call.outputs[0])
    return is_flat or isinstance(call.layer, _POOLINGS)


def _makes_map(call):
    return any(
        len(shape) > 2 and any(side != 1 for side in shape[1:-1])
        for shape in call.outputs
    )


def _has_positions(calls):
    return any(len(shape) > 2 for call in calls for shape in call.outputs)


def _named(stages):
    """Names the stages that no family names by the first block in them."""
    named = [Stage("stem", stages[0].calls)]
    for stage in stages[1:]:
        first = next(call.layer for call in stage.calls if call.weights)
        name = stage.name or _stages.block_name(first) or first.name
        named.append(Stage(name, stage.calls))
    return named
