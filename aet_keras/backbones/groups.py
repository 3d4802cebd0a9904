"""Divides a pretrained model into groups, from stem to head."""

import dataclasses
from collections.abc import Sequence

import keras

from aet_keras import _check as check
from aet_keras._keras import graph, trainable
from aet_keras.backbones import _cuts

HEAD = "head"


@dataclasses.dataclass(frozen=True)
class Group:
    """A stretch of a model: layers that freeze and thaw together.

    Args:
        name: str. The first named block in it, or the name of its stage,
            `"stem"` for the first group and `"head"` for the layers above a
            backbone.
        layers: tuple of `keras.layers.Layer`, in the order of computation.
        part: str. The pretrained part that it is of, where a model has
            several; else empty.

    Example:

    >>> layer = keras.layers.Dense(1, name="scores")
    >>> aet_keras.backbones.groups.Group("head", (layer,))
    Group('head', 1 layer)
    """

    name: str
    layers: tuple[keras.layers.Layer, ...]
    part: str = ""

    def __repr__(self):
        count = len(self.layers)
        return f"Group({self.name!r}, {count} layer{'s' * (count != 1)})"


def group_layers(
    model: keras.Model, *, backbone: keras.layers.Layer | str | None = None
) -> tuple[Group, ...]:
    """Cuts a model into groups, from stem to head.

    A backbone is looked for first: the nested model that holds most weights,
    or, in one flat graph, all that is below the last pooling. A family of
    `keras.applications` is known by its layers' names and cut into the stages
    of its paper. Any other is cut where a single tensor holds all that the
    rest needs and the size of the feature map changes, moved back to where a
    named block begins. Numbered blocks of one size (transformers) are divided
    into up to four parts of about equal weights, above what embeds their
    input. What lies above the backbone is the last group, `"head"`, together
    with weights below it (a new layer that adapts the input has to learn
    too).

    A model may have several pretrained parts: nested models of which none is
    below another, such as an encoder of texts beside one of images. Each has
    groups of its own, called `part/block`, and they alternate, so that the
    last groups are the top of each part: what freezes the first groups freezes
    the lower ones of each part. One that is as it was built (all biases
    zero), beside one that has learned, is of the head.

    Groups need not end in one tensor: each cell of NASNet reads the two
    before it, and a mask may go around a transformer's blocks. Nor need their
    layers stand in the graph: of one layer that holds most of a backbone
    (the encoder of KerasHub's ViT), the numbered blocks inside it are listed.

    Args:
        model: a functional or built Sequential `keras.Model`.
        backbone: optional layer of the model, or its name: the only nested
            model that is pretrained. All are found if not given.

    Returns:
        Tuple of `Group`: complete, of each part contiguous and in the order
        of computation.
        A model without a head (`include_top=False`) has no group `"head"`.

    Raises:
        ValueError: if the model is subclassed or not built, or the backbone
            is not a layer of it.

    Example:

    >>> model = keras.applications.MobileNetV2(
    ...     weights=None, input_shape=(96, 96, 3), alpha=0.35
    ... )
    >>> [group.name for group in aet_keras.backbones.group_layers(model)]
    ['stem', 'block_1', 'block_3', 'block_6', 'block_13', 'head']
    """
    _check_graph(model)
    parts, head = _cuts.cut(model, _by_name("group_layers", model, backbone))
    groups = _alternating(parts)
    if head:
        groups.append(_group(HEAD, head))
    return tuple(groups)


def as_groups(
    model: keras.Model, groups: Sequence[Group | Sequence]
) -> tuple[Group, ...]:
    """Returns groups from what a user wrote down.

    Args:
        model: a built `keras.Model` of any kind.
        groups: sequence of `Group`, or of sequences of layers or layer
            names, stem to head. Layers in none of them are the head.

    Returns:
        Tuple of `Group`.

    Raises:
        ValueError: if a name is not there, or a layer is in two groups.

    Example:

    >>> model = keras.Sequential(
    ...     [keras.layers.Dense(4, name="a"), keras.layers.Dense(2, name="b")]
    ... )
    >>> aet_keras.backbones.groups.as_groups(model, [["a"], ["b"]])
    (Group('a', 1 layer), Group('b', 1 layer))
    """
    if isinstance(groups, str) or not groups:
        raise ValueError(
            "as_groups: `groups` must be a sequence of at least one group, "
            f"each a sequence of layers or names. Received: groups={groups!r}."
        )
    made = tuple(_as_group(model, group) for group in groups)
    _check_disjoint(made)
    _check_inside(model, made)
    return made


def _as_group(model, group):
    if isinstance(group, Group):
        return group
    is_one = isinstance(group, str | keras.layers.Layer)
    members = [group] if is_one else group
    layers = tuple(_by_name("as_groups", model, member) for member in members)
    if not layers:
        raise ValueError(
            "as_groups: a group must hold a layer. Received: an empty one."
        )
    return Group(layers[0].name, layers)


def _true_layers(groups):
    """Lists the layers of groups; bare operations have no weights."""
    members = [layer for group in groups for layer in group.layers]
    return [m for m in members if isinstance(m, keras.layers.Layer)]


def _check_disjoint(groups):
    inside = [
        id(each)
        for layer in _true_layers(groups)
        for each in trainable.sublayers(layer)
    ]
    if len(inside) != len(set(inside)):
        raise ValueError(
            "as_groups: each layer must be in one group, because it cannot be "
            "frozen and thawed at once. A layer is in two of them, or inside "
            "a layer of another."
        )


def _check_inside(model, groups):
    inside = {id(layer) for layer in trainable.sublayers(model)}
    for layer in _true_layers(groups):
        if id(layer) not in inside:
            raise ValueError(
                f"as_groups: `{layer.name}` must be a layer of the model, "
                f"because nothing else trains. Received: model={model.name}. "
                "Name its layers, or take them from it."
            )


def _check_graph(model):
    if graph.is_graph(model):
        return
    if isinstance(model, keras.Sequential):
        remedy = "Build it first: `model.build(input_shape)`."
    else:
        remedy = (
            "A subclassed model hides its graph: give the groups yourself, "
            "`groups=[[model.stem], [model.body]]`, stem to head."
        )
    raise ValueError(
        "group_layers: the model must be functional or a built Sequential, "
        f"because its graph is cut. Received: {type(model).__name__}. {remedy}"
    )


def _by_name(owner, model, layer):
    if layer is None or isinstance(layer, keras.layers.Layer):
        return layer
    layers = trainable.layers_by_name(model)
    check.known(owner, kind="layer", among=layers, name=layer)
    return layers[layer]


def _alternating(parts):
    """Returns the groups of all parts by their place between stem and top."""
    if len(parts) == 1:
        return [_group(stage.name, stage.calls) for stage in parts[0].stages]
    placed = [
        (
            place / len(part.stages),
            number,
            _group(f"{part.name}/{stage.name}", stage.calls, part.name),
        )
        for number, part in enumerate(parts)
        for place, stage in enumerate(part.stages, start=1)
    ]
    return [group for *_, group in sorted(placed, key=lambda each: each[:2])]


def _group(name, calls, part=""):
    return Group(name, tuple(call.layer for call in calls), part)
