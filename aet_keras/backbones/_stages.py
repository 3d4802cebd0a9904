"""Divides a backbone into stages."""

import dataclasses
import itertools
import math
import re

import keras

from aet_keras._keras import trainable
from aet_keras.backbones import _families

# `block_3_expand`, `conv4_block2_1_conv`, `block3a_dwconv`, `expanded_conv_3`
# and `transformer_layer_7` belong to `block_3`, `conv4_block2`, `block3a`,
# `expanded_conv_3` and `transformer_layer_7`. MobileNetV3 leaves the number
# off its first block. A graft is of the block that it stands in.
_BLOCK = re.compile(
    r"^(?:graft_)*"
    r"(.*?(?:block|layer|expanded_conv)_?\d+[a-z]?|expanded_conv)(?:_|$)"
)
# Strided convolutions and poolings at least halve one side; padding and
# "valid" windows change it by a pixel or two.
_RESCALED = 1.5
_UNSHAPED_GROUP_COUNT = 4
_PADDINGS = (
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of a backbone.

    Args:
        name: optional str. `None` as long as the stage may grow.
        calls: list of `graph.Call`, in the order of computation.
    """

    name: str | None
    calls: list


def cut(calls):
    """Cuts a backbone's calls into stages."""
    calls = _opened(calls)
    cuts = [i + 1 for i, call in enumerate(calls) if call.live == 1]
    names = [call.layer.name for call in calls]
    starts = _families.find_starts(names, cuts) or dict.fromkeys(
        _rescaled_starts(calls, cuts) or _even_starts(calls, cuts)
    )
    edges = sorted({0, *starts, len(calls)})
    return _without_empty(
        [Stage(starts.get(a), calls[a:b]) for a, b in itertools.pairwise(edges)]
    )


def _opened(calls):
    """Replaces a layer that holds most of a backbone by its blocks."""
    total = sum(call.weight_count for call in calls)
    opened = []
    for call in calls:
        hides_most = 2 * call.weight_count > total
        opened += (_blocks_inside(call) if hides_most else []) or [call]
    return opened


def _blocks_inside(call):
    """Lists the layers of a layer whose graph is hidden, block after block.

    Their order is the one they were made in. None are returned unless they
    are numbered and share all its weights out among them.
    """
    if not isinstance(call.layer, keras.layers.Layer):
        return []
    below = trainable.sublayers(call.layer)[1:]
    deeper = {id(x) for each in below for x in trainable.sublayers(each)[1:]}
    made = [dataclasses.replace(call, layer=each) for each in below]
    made = [each for each in made if id(each.layer) not in deeper]
    weight_count = sum(len(each.weights) for each in made)
    is_whole = weight_count == len(call.weights)
    return made if is_whole and len(_block_starts(made)) > 1 else []


def _rescaled_starts(calls, cuts):
    """Finds the cuts before which the size of the feature map changes."""
    starts, size = [], None
    for start, end in itertools.pairwise([0, *cuts, len(calls)]):
        new = _size(calls[start:end], size) if start < end else None
        if new is None:
            continue
        if size is not None and size.differs(new):
            starts.append(_block_start(calls, cuts, start))
        if size is None or size.kind != new.kind or size.differs(new):
            size = new
    return [start for start in starts if start]


@dataclasses.dataclass(frozen=True)
class _Size:
    """Holds the size of a tensor: features, positions, or a share of them."""

    kind: str
    count: float

    def differs(self, other):
        low, high = sorted((self.count, other.count))
        return self.kind == other.kind and high >= _RESCALED * low


def _size(stretch, before):
    """Returns the size of what calls end in; None if unknown.

    Of a map with unknown sides it is the share that strides leave.
    """
    *sides, features = stretch[-1].outputs[0][1:] or (None,)
    if not sides:
        return features and _Size("features", features)
    if None not in sides:
        return _Size("positions", math.prod(sides))
    known = before is not None and before.kind == "share"
    strides = math.prod(_strides(call.layer) for call in stretch)
    return _Size("share", (before.count if known else 1.0) / strides)


def _strides(layer):
    """Returns by how much the strides in a layer divide its positions."""
    is_layer = isinstance(layer, keras.layers.Layer)
    inside = trainable.sublayers(layer) if is_layer else []
    strides = [getattr(each, "strides", ()) for each in inside]
    return math.prod(math.prod(s) for s in strides if isinstance(s, tuple))


def _block_start(calls, cuts, start):
    """Moves a cut back to where the named block around it begins.

    Padding goes with the convolution or pooling that needs it.
    """
    first = start
    block = block_name(calls[start].layer)
    for position in range(start - 1, -1, -1) if block else ():
        name = block_name(calls[position].layer)
        if name == block:
            first = position
        elif name or calls[position].weights:
            break
    while first - 1 in cuts and _pads(calls[first - 1].layer):
        first -= 1
    return first if not first else min(cut for cut in cuts if cut >= first)


def _pads(layer):
    """Says whether a layer is padding, or an operation of that name.

    What is padded before a pooling may hold minus infinity.
    """
    return isinstance(layer, _PADDINGS) or type(layer).__name__ == "Pad"


def _even_starts(calls, cuts):
    """Cuts where shapes never change into parts of about equal weights.

    Numbered blocks are cut between, whatever is alive there (a mask, a table
    of distances), and what is below them is a part of its own.
    """
    blocks = _block_starts(calls)
    if len(blocks) < 2:
        return _even_parts(calls, 0, cuts)
    return [blocks[0], *_even_parts(calls, blocks[0], blocks[1:])]


def _block_starts(calls):
    """Finds the first calls of named blocks that have weights."""
    names = [block_name(call.layer) for call in calls]
    kept = {
        name for name, call in zip(names, calls, strict=True) if call.weights
    }
    return sorted(names.index(name) for name in kept - {None})


def _even_parts(calls, first, places):
    """Picks the places that divide the calls from `first` on most evenly."""
    below = [0]
    for call in calls:
        below.append(below[-1] + (not _looks_up(call)) * call.weight_count)
    starts = []
    for part in range(1, _UNSHAPED_GROUP_COUNT):
        share = part / _UNSHAPED_GROUP_COUNT
        wanted = below[first] + share * (below[-1] - below[first])
        near = [(abs(below[place] - wanted), place) for place in places]
        starts += [min(near)[1]] if near else []
    return starts


def _looks_up(call):
    """Says whether a call makes vectors of numbers of words.

    Such a table may outweigh all blocks above it.
    """
    ranks = [len(shape) for shape in call.inputs]
    return max(ranks, default=math.inf) < len(call.outputs[0])


def block_name(layer):
    """Returns the name of the block that a layer is of, or None."""
    match = _BLOCK.match(layer.name)
    return match and match.group(1)


def _without_empty(stages):
    """Joins stages that cannot learn to the one above (or below, if last)."""
    joined, pending = [], []
    for stage in stages:
        pending = pending + stage.calls
        if any(_learns(call) for call in stage.calls):
            joined.append(Stage(stage.name, pending))
            pending = []
    return wrapped([], joined or [Stage(None, [])], pending)


def _learns(call):
    """Says whether a call has weights that a gradient could reach.

    Their flags do not say it: a frozen backbone is to be thawed.
    """
    is_statistics = isinstance(call.layer, keras.layers.Normalization)
    return bool(call.weights) and not is_statistics


def wrapped(below, stages, above):
    """Adds calls to the first and to the last stage."""
    inner = list(stages)
    inner[0] = Stage(inner[0].name, below + inner[0].calls)
    inner[-1] = Stage(inner[-1].name, inner[-1].calls + above)
    return inner
