"""Grafts an attention, chosen by its short name, into the upper groups."""

import functools
import re
from collections.abc import Callable

import keras

from aet_keras import _check as check
from aet_keras import layers
from aet_keras.backbones.graft import graft
from aet_keras.backbones.groups import HEAD, group_layers
from aet_keras.backbones.pooling import graft_pooling

_KINDS = {
    "se": layers.SqueezeExcite,
    "eca": layers.EfficientChannelAttention,
    "cbam": layers.ConvolutionalBlockAttention,
    "soft": layers.SoftAttention,
}
_POOLING = "pooling"
# The groups that thaw by default: with new layers further down, nothing could
# be replayed. Soft attention costs positions ** 2, few in the last group.
_GROUP_COUNTS = {"soft": 1}
_USUAL_GROUP_COUNT = 2
# Those with a bottleneck: its ratio can be chosen.
SQUEEZED = ("se", "cbam")
# `block2a_se_reduce`, `expanded_conv_3_squeeze_excite_conv`
_GATES = re.compile(r"_se_|squeeze_excite")


def graft_attention(
    model: keras.Model, kind: str, *, ratio: int | None = None
) -> keras.Model:
    """Grafts attention behind the upper groups of a model.

    `graft` with a layer and places that are a fair start. The outputs stay
    as they are until the new layers learn.

    Args:
        model: a functional or built Sequential `keras.Model`, with or without
            a head. It stays as it is.
        kind: `"se"` (`SqueezeExcite`), `"eca"` (`EfficientChannelAttention`),
            `"cbam"` (`ConvolutionalBlockAttention`), each behind the upper
            two groups of each part, `"soft"` (`SoftAttention`), behind the
            last one, or `"pooling"` (`graft_pooling`), in the head.
        ratio: optional int >= 1. How many channels share a hidden unit of
            `"se"` and `"cbam"`. Defaults to the layers' own, 16.

    Returns:
        A `keras.Model` that is not compiled.

    Raises:
        ValueError: if the kind is not known, the model cannot be grafted, or
            it holds squeeze-and-excite gates already and a second set is
            asked for, or a ratio is given to a kind without bottleneck.

    Example:

    >>> body = aet_keras.backbones.load_backbone()
    >>> model = aet_keras.backbones.attention.graft_attention(body, "eca")
    >>> new = [x for x in model.layers if aet_keras.backbones.is_grafted(x)]
    >>> len(new)
    2
    """
    check.one_of("graft_attention", kind=kind, among=(*_KINDS, _POOLING))
    if ratio is not None:
        check.one_of("graft_attention with `ratio`", kind=kind, among=SQUEEZED)
        check.positive_int("graft_attention", ratio=ratio)
    if kind == _POOLING:
        return graft_pooling(model)
    layer: Callable[..., keras.layers.Layer] = _KINDS[kind]
    if ratio is not None:
        layer = functools.partial(layer, ratio=ratio)
    groups = [each for each in group_layers(model) if each.name != HEAD]
    if kind in SQUEEZED:
        _check_free_of_gates(model, groups, kind)
    count = _GROUP_COUNTS.get(kind, _USUAL_GROUP_COUNT)
    parts = dict.fromkeys(each.part for each in groups)
    upper = [
        group
        for part in parts
        for group in [each for each in groups if each.part == part][-count:]
    ]
    return graft(model, layer, after=upper)


def _check_free_of_gates(model, groups, kind):
    for group in groups:
        for layer in group.layers:
            if _GATES.search(layer.name):
                raise ValueError(
                    "graft_attention: a backbone must have no "
                    "squeeze-and-excite gates yet, because a second set has "
                    f"little to add. Received: kind={kind!r}, {model.name} "
                    f"with `{layer.name}`. Take `eca`, `soft` or `pooling`."
                )
