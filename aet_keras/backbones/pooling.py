"""Replaces the average before a head by attention pooling."""

import keras

from aet_keras import layers
from aet_keras._keras import copies
from aet_keras.backbones.groups import HEAD, group_layers

_AVERAGES = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
)


def graft_pooling(model: keras.Model) -> keras.Model:
    """Puts attention pooling where a head averages all positions.

    A new `SoftAttentionPooling` is that average, up to rounding: the outputs
    stay as they are until it learns.

    Args:
        model: a functional or built Sequential `keras.Model`, with one
            `GlobalAveragePooling1D` or `2D` in its head. It stays as it is.

    Returns:
        A copy that is not compiled.

    Raises:
        ValueError: if the head has no such layer of its own, or several, or
            a layer cannot be copied.

    Example:

    >>> body = aet_keras.backbones.load_backbone()
    >>> pool = keras.layers.GlobalAveragePooling2D(name="pool")
    >>> model = keras.Sequential([body, pool, keras.layers.Dense(2)])
    >>> type(aet_keras.backbones.pooling.graft_pooling(model).get_layer("pool"))
    <class 'aet_keras.layers.soft_attention_pooling.SoftAttentionPooling'>
    """
    pool = _find(model)

    def copy(layer):
        if layer is pool:
            return layers.SoftAttentionPooling(name=pool.name)
        return copies.copy_layer(layer)

    try:
        made = keras.models.clone_model(model, clone_function=copy)
        for old, new in zip(model.layers, made.layers, strict=True):
            if old is not pool:
                copies.copy_state(old, new)
    except copies.NotCopied as error:
        raise ValueError(
            "graft_pooling: each layer must be one that can be copied, because "
            f"the model stays as it is. Received: {model.name}, where {error}. "
            "Build its head with `SoftAttentionPooling` instead."
        ) from error
    return made


def _find(model):
    *_, last = group_layers(model)
    own = {id(layer) for layer in model.layers}
    found = [
        layer
        for layer in (last.layers if last.name == HEAD else ())
        if isinstance(layer, _AVERAGES) and id(layer) in own
    ]
    if len(found) == 1 and _is_plain(found[0]):
        return found[0]
    names = ", ".join(f"`{layer.name}`" for layer in found)
    raise ValueError(
        "graft_pooling: the head must average all positions in one "
        "`GlobalAveragePooling1D` or `2D`, without `keepdims`, channels last, "
        "because attention takes its place. Received: "
        f"{model.name} with {names or 'none'}. Build its head with "
        "`SoftAttentionPooling` instead."
    )


def _is_plain(layer):
    return not layer.keepdims and layer.data_format == "channels_last"
