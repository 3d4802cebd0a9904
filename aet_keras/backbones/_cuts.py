"""Finds where a graph of layers ends as a backbone and begins as a head."""

import dataclasses

import keras

from aet_keras._keras import graph
from aet_keras.backbones import _branches, _stages
from aet_keras.backbones._stages import Stage, wrapped

_POOLINGS = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
)


@dataclasses.dataclass(frozen=True)
class Part:
    """A pretrained part of a model.

    Args:
        name: str. That of its nested model, or of the layer that a flat part
            ends in.
        stages: list of `Stage`, from its stem to its top.
    """

    name: str
    stages: list[Stage]


def cut(model, backbone=None):
    """Returns the pretrained parts of a model, and its head.

    Args:
        model: a functional or built Sequential model.
        backbone: optional layer of its graph: the nested pretrained model.

    Returns:
        Tuple of a list of `Part`, and of a list of `graph.Call`.
    """
    calls = _unique(graph.calls(model))
    above = graph.above(calls)
    positions = _nested(calls, backbone, above)
    branches = []
    if backbone is None:
        branches = _branches.find(model, calls, set(positions), above)
    if branches or len(positions) > 1:
        parts, head = _beside(calls, positions, above)
        for branch in branches:
            (part,), _ = cut(branch)
            parts.append(dataclasses.replace(part, name=branch.name))
    elif positions:
        (position,) = positions
        stages, head = _around(calls, position)
        parts = [Part(calls[position].layer.name, stages)]
    else:
        start = _head_start(calls)
        trunk, head = _without_ends(calls[:start], calls[start:])
        parts = [Part(model.name, _stages.cut(trunk))]
    inside = {
        id(call.layer)
        for part in parts
        for stage in part.stages
        for call in stage.calls
    }
    parts = [Part(part.name, _named(part.stages)) for part in parts]
    # a language model may read words off the table it looked them up in
    return parts, [c for c in head if id(c.layer) not in inside]


def _unique(calls):
    """Keeps the first call of each layer, which belongs where that stands."""
    first = {}
    for call in calls:
        first.setdefault(id(call.layer), call)
    return list(first.values())


def _nested(calls, backbone, above):
    """Returns the positions of the nested models that are backbones.

    The largest is one, and so is each other beside it, neither below nor
    above. One that is as it was built, beside a largest that has learned, is
    new and of the head.
    """
    if backbone is not None:
        for position, call in enumerate(calls):
            if call.layer is backbone:
                return [position]
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
    candidates = sorted(deep or models, key=weight.get, reverse=True)
    if not candidates:
        return []
    if weight[candidates[0]] < _rivals(calls, candidates, above):
        return []
    largest, *others = candidates
    if not _branches.is_new(calls[largest].layer):
        others = [p for p in others if not _branches.is_new(calls[p].layer)]
    chosen = [largest]
    for position in others:
        if not any(
            p in above(position) or position in above(p) for p in chosen
        ):
            chosen.append(position)
    return sorted(chosen)


def _rivals(calls, nested, above):
    """Counts the weights that make maps outside of nested models.

    A small nested model in a large flat graph is a detail of that backbone. A
    branch beside it, which it neither reads nor is read by, is none.
    """
    largest = nested[0]
    return sum(
        call.weight_count
        for position, call in enumerate(calls)
        if position not in nested
        and (position in above(largest) or largest in above(position))
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


def _beside(calls, positions, above):
    """Splits a graph around several nested backbones: parts, and the head.

    What leads to two of them, such as the scaling of pixels, is of the first.
    """
    parts, taken = [], set(positions)
    for position in positions:
        plain = [
            place
            for place, call in enumerate(calls)
            if position in above(place)
            and place not in taken
            and not _can_move(call)
        ]
        taken.update(plain)
        stages = wrapped(
            [calls[place] for place in plain], _expand(calls[position]), []
        )
        parts.append(Part(calls[position].layer.name, stages))
    return parts, [c for place, c in enumerate(calls) if place not in taken]


def _can_move(call):
    return any(weight.trainable for weight in call.weights)


def _expand(call):
    """Cuts a nested model, and the nested model inside that, if any."""
    if not graph.is_graph(call.layer):
        return _stages.cut([call])
    calls = _inside(call.layer)
    deeper = _nested(calls, None, graph.above(calls))
    if len(deeper) != 1:  # of several, none holds what the others do
        return _stages.cut(calls)
    (position,) = deeper
    stages = _expand(calls[position])
    return wrapped(calls[:position], stages, calls[position + 1 :])


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
