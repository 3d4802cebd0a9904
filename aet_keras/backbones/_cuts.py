"""Where is a graph of layers cut into stages and a head?"""

import math
import re

import keras

from aet_keras._keras import graph

# `block_3_expand`, `conv4_block2_1_conv`, `block3a_dwconv` and
# `expanded_conv_3_expand` belong to `block_3`, `conv4_block2`, `block3a` and
# `expanded_conv_3`.
_BLOCK = re.compile(r"^(.*?(?:block|expanded_conv)_?\d+[a-z]?)(?:_|$)")
# Strided convolutions and poolings at least halve one side; padding and
# "valid" windows change it by a pixel or two.
_RESCALED = 1.5
_UNSHAPED_GROUP_COUNT = 4


def cut(model, backbone=None):
    """Returns the stages of a model's backbone, and its head.

    Args:
        model: a functional or built Sequential model.
        backbone: optional layer of its graph: the nested pretrained model.

    Returns:
        Tuple of a list of lists of `graph.Call` and one such list.
    """
    calls = _unique(graph.calls(model))
    nested = _nested(calls, backbone)
    if nested is not None:
        return _around(calls, nested)
    start = _head_start(calls)
    return _stages(calls[:start]), calls[start:]


def _unique(calls):
    """Keeps the first call of each layer, and of layers only.

    A layer that is called again belongs where it first stands.
    """
    seen, kept = set(), []
    for call in calls:
        if id(call.layer) not in seen:
            seen.add(id(call.layer))
            kept.append(call)
    return kept


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
    largest = max(models, key=weight.get, default=None)
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
    stages = _expand(calls[position].layer)
    stages[0] = plain + stages[0]
    return stages, adapters + calls[position + 1 :]


def _can_move(call):
    return any(weight.trainable for weight in call.weights)


def _expand(layer):
    """Cuts a nested model, and the nested model inside that, if any."""
    if not graph.is_graph(layer):
        return [[graph.Call(layer, (), (), 1)]]
    calls = _inside(layer)
    deeper = _nested(calls, None)
    if deeper is None:
        return _stages(calls)
    stages = _expand(calls[deeper].layer)
    stages[0] = calls[:deeper] + stages[0]
    stages[-1] = stages[-1] + calls[deeper + 1 :]
    return stages


def _head_start(calls):
    """Returns where the head of a flat graph begins.

    That is the last layer that drops the positions (pooling, flattening)
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
        if i
        and calls[i - 1].live == 1
        and _drops_positions(call)
        and not (call.live > 1 and _has_positions(calls[i + 1 :]))
    ]
    if drops and drops[-1] <= weighted[0]:
        drops = []
    if drops:
        return min(drops[-1], weighted[-1])
    ends_in_scores = len(calls[-1].outputs[0]) == 2
    return weighted[-1] if ends_in_scores else len(calls)


def _drops_positions(call):
    ranks = [len(shape) for shape in call.inputs]
    return bool(ranks) and max(ranks) > 2 >= len(call.outputs[0])


def _has_positions(calls):
    return any(len(shape) > 2 for call in calls for shape in call.outputs)


def _stages(calls):
    """Cuts a backbone's calls into stages."""
    cuts = [i + 1 for i, call in enumerate(calls) if call.live == 1]
    starts = _rescaled_starts(calls, cuts)
    if not starts:
        starts = _even_starts(calls, cuts)
    edges = sorted({0, *starts, len(calls)})
    stages = [
        calls[a:b] for a, b in zip(edges, edges[1:], strict=False) if a < b
    ]
    return _without_empty(stages)


def _rescaled_starts(calls, cuts):
    """Finds the cuts before which the size of the feature map changes."""
    starts, size = [], None
    for start, end in zip([0, *cuts], [*cuts, len(calls)], strict=False):
        if start >= end:
            continue
        new = _size(calls[end - 1])
        if size is not None and new is not None and _differs(size, new):
            starts.append(_block_start(calls, cuts, start))
        if size is None or (new is not None and _differs(size, new)):
            size = new
    return [start for start in starts if start]


def _size(call):
    """Positions of a map, or the features of a flat one; None if unknown."""
    shape = call.outputs[0][1:]
    sides = shape[:-1] if len(shape) > 1 else shape
    return None if not sides or None in sides else math.prod(sides)


def _differs(a, b):
    return max(a, b) >= _RESCALED * min(a, b)


def _block_start(calls, cuts, start):
    """Moves a cut back to where the named block around it begins."""
    block = block_name(calls[start].layer)
    if block is None:
        return start
    while start and block_name(calls[start - 1].layer) == block:
        start -= 1
    if not start or start in cuts:
        return start
    return min(cut for cut in cuts if cut >= start)


def block_name(layer):
    match = _BLOCK.match(layer.name)
    return match and match.group(1)


def _even_starts(calls, cuts):
    """Cuts where shapes never change into parts of about equal weights."""
    sizes = [call.weight_count for call in calls]
    total = sum(sizes)
    starts = []
    for part in range(1, _UNSHAPED_GROUP_COUNT):
        wanted = total * part / _UNSHAPED_GROUP_COUNT
        near = [(abs(sum(sizes[:cut]) - wanted), cut) for cut in cuts]
        if near:
            starts.append(_block_start(calls, cuts, min(near)[1] % len(calls)))
    return starts


def _without_empty(stages):
    """Joins stages that cannot learn to the one above (or below, if last)."""
    joined, pending = [], []
    for stage in stages:
        pending = pending + stage
        if any(_learns(call) for call in stage):
            joined.append(pending)
            pending = []
    if pending and joined:
        joined[-1] = joined[-1] + pending
    return joined or [pending]


def _learns(call):
    """Says whether a call has weights that a gradient could reach.

    Their flags do not say it: a frozen backbone is to be thawed.
    """
    is_statistics = isinstance(call.layer, keras.layers.Normalization)
    return bool(call.weights) and not is_statistics
