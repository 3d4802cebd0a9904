"""Grafts new layers into a pretrained model."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras

from aet_keras import _check as check
from aet_keras._keras import branches, copies, rebuild
from aet_keras.backbones import _grafts, _places
from aet_keras.backbones.groups import Group

_Place: TypeAlias = str | keras.layers.Layer | Group


def graft(
    model: keras.Model,
    layer: type[keras.layers.Layer]
    | Callable[[], keras.layers.Layer]
    | keras.layers.Layer,
    *,
    after: _Place | Sequence[_Place],
    share_weights: bool = False,
) -> keras.Model:
    """Builds a model again with new layers behind some of its own.

    A new layer stands on a tensor: all that read it, and the model's output
    if it was one, read what the new layer gives instead. With a layer that
    starts as the identity, such as those of `aet_keras.layers`, the new model
    computes at first what the given one does. It is called `"graft_"` and
    the name of the layer before it, and known again by that (`is_grafted`).

    Args:
        model: a functional or built Sequential `keras.Model`. It stays as it
            is.
        layer: what makes the new layers, one a place: a `keras.layers.Layer`
            class or a function without arguments. They compute in the dtype
            of the tensor they stand on. For a single place also a new layer,
            which is renamed.
        after: the places: a layer, the name of one (inside a nested model
            too), or a `Group`, which means the tensor that leaves it; or a
            sequence of these, in which a group `"head"` is passed over. A
            layer that is called several times gets one new layer, called
            behind each of its calls.
        share_weights: bool. Use the layers of `model` again, which then move
            in both models as one trains, and have one call more. Bare
            operations and the nested models that hold a place are made again
            all the same. Defaults to `False`: layers are made again from their
            configs, and their weights copied.

    Returns:
        A `keras.Model` that is not compiled. Names, nested models, dtype
        policies and trainable flags are kept, except that a frozen model
        opens where a new layer stands in it: the new layer learns, all else
        in it stays frozen. A subclass of `keras.Model` whose constructor does
        not take inputs and outputs becomes a plain functional model.

    Raises:
        TypeError: if `layer` or `after` is of another kind.
        ValueError: if the model is subclassed or not built, a place is not in
            its graph or does not give a single float tensor, there is no
            place, an instance is given for several, a new layer changes
            the shape or dtype, or a layer of the model cannot be copied.

    Example:

    >>> body = aet_keras.backbones.load_backbone()
    >>> model = aet_keras.backbones.graft(
    ...     body, aet_keras.layers.SqueezeExcite, after="block_2_add"
    ... )
    >>> model.get_layer("graft_block_2_add")
    <SqueezeExcite name=graft_block_2_add, built=True>
    >>> x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3))
    >>> bool(np.allclose(body.predict_on_batch(x), model.predict_on_batch(x)))
    True
    """
    _places.check_graph("graft", model)
    check.boolean("graft", share_weights=share_weights)
    _check_class(model)
    places = _places.find(model, after)
    grafts = _grafts.make(model, layer, places)
    try:
        return rebuild.rebuild(model, grafts, share=share_weights)
    except copies.NotCopied as error:
        raise ValueError(
            "graft: each layer must be made again with its weights, because "
            f"the given model stays as it is. Received: {error}. Mend its "
            "`get_config`, or use the same layers: `share_weights=True`."
        ) from error


def is_grafted(layer: keras.layers.Layer) -> bool:
    """Says whether a layer was put into its model by `graft`.

    Args:
        layer: a `keras.layers.Layer`, or a bare operation.

    Returns:
        bool. Whether its name begins with `"graft_"`, as it still does in a
        model that was saved and loaded.

    Example:

    >>> aet_keras.backbones.is_grafted(keras.layers.Dense(1, name="scores"))
    False
    """
    return layer.name.startswith(_grafts.PREFIX)


def residual_branches(model: keras.Model) -> tuple[str, ...]:
    """Names the layers that end the branches of residual sums.

    A gate belongs on the branch, before its sum: `graft(model, SqueezeExcite,
    after=residual_branches(model))`. A sum of two counts if one of them is
    the tensor that the block begins with, or a projection of it, and the
    other a longer branch of layers; two branches of equally many kernels, as
    in an Inception cell, do not.

    Args:
        model: a functional or built Sequential `keras.Model`. Nested models
            are searched too.

    Returns:
        Tuple of str, in the order of computation; empty if there are none.

    Raises:
        ValueError: if the model is subclassed or not built.

    Example:

    >>> body = aet_keras.backbones.load_backbone()
    >>> aet_keras.backbones.residual_branches(body)[:2]
    ('expanded_conv_project_BN', 'block_2_project_BN')
    """
    _places.check_graph("residual_branches", model)
    ends = branches.residual_ends(model)
    return tuple(operation.name for operation in ends)


def _check_class(model):
    lost = rebuild.lost_methods(model)
    if not lost:
        return
    made = type(model).__name__
    raise ValueError(
        "graft: the model's class must take inputs and outputs, because it is "
        f"made again from a graph. Received: {made}, whose "
        f"`{'`, `'.join(lost)}` would be lost. Graft before you make it a "
        f"{made}."
    )
