"""Finds the pretrained groups of the user's model."""

import dataclasses
from collections.abc import Sequence

import keras

from aet_keras import _check as check
from aet_keras import backbones
from aet_keras.backbones.groups import HEAD


def check_one_way(owner: object, groups, backbone) -> None:
    """Raises a ValueError if both `groups` and `backbone` are given."""
    if groups is not None and backbone is not None:
        raise ValueError(
            f"{check.owner_name(owner)}: give `groups` or `backbone`, not "
            "both, because groups say already what is pretrained. Drop one."
        )


def pretrained_groups(
    owner: object,
    model: keras.Model,
    *,
    groups: Sequence | None,
    backbone: keras.layers.Layer | str | None,
    needs_head: bool = False,
) -> tuple[backbones.groups.Group, ...]:
    """Returns the groups of the backbone, stem to head, grafts left out.

    A backbone without a head is pretrained throughout. What has to train
    something from the start takes its last group for the head.

    Args:
        owner: object or str. Who asks.
        model: the user's model.
        groups: optional sequence: what the user says is pretrained.
        backbone: optional nested model, or its name.
        needs_head: bool. Whether the last group of a model without a head
            is left out. Defaults to `False`.

    Raises:
        ValueError: if there is nothing below a head, or all is one group,
            which may be a new model as well.
    """
    if groups is not None:
        return _without_grafts(backbones.groups.as_groups(model, groups))
    found = backbones.group_layers(model, backbone=backbone)
    has_head = len(found) > 1 and found[-1].name == HEAD
    below = found[:-1] if has_head or needs_head else found
    if len(found) < 2 or not (needs_head or any(map(_has_weights, below))):
        raise ValueError(
            f"{check.owner_name(owner)}: a model must have a head above at "
            f"least one group with weights. Received: {model.name}, without "
            "one. Give `groups=` or `backbone=`."
        )
    return _without_grafts(below)


def _without_grafts(groups: Sequence) -> tuple[backbones.groups.Group, ...]:
    """Returns the groups without layers that are new: those know nothing."""
    return tuple(
        dataclasses.replace(
            group,
            layers=tuple(
                x for x in group.layers if not backbones.is_grafted(x)
            ),
        )
        for group in groups
    )


def _has_weights(group):
    return any(getattr(layer, "weights", ()) for layer in group.layers)
