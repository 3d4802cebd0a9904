"""Builds a classifier of images on a backbone."""

import keras

from aet_keras import _check as check
from aet_keras import backbones, layers
from aet_keras._choices import ATTENTIONS
from aet_keras.backbones.attention import SQUEEZED, graft_attention
from aet_keras.tasks.number_unit import check_head, head_name


def build_image_classifier(
    backbone: str = backbones.applications.EMBEDDED,
    *,
    class_count: int,
    activation: str = "softmax",
    weights: str | None = None,
    image_size: tuple[int, int] = (64, 64),
    dropout: float = 0.2,
    momentum: float | None = None,
    attention: str = "none",
    attention_ratio: int | None = None,
    head_units: int = 0,
) -> keras.Model:
    """Builds a classifier of raw pixels on a pretrained backbone.

    Preprocessing, the backbone, average pooling, dropout and one dense layer
    with a softmax, in one functional model: what is saved of it takes pixels
    as they come out of a file.

    Args:
        backbone: str. One of `aet_keras.backbones.backbone_names()`.
        class_count: int >= 2; of tags >= 1, of a number 1.
        activation: `"softmax"`, of classes; `"sigmoid"`, of tags, of which any
            number may be true of a row; or `"linear"`, of a number. Defaults
            to `"softmax"`.
        weights: optional str. As in `aet_keras.backbones.load_backbone`.
        image_size: tuple of two ints, `(height, width)`.
        dropout: float from 0 to 1, 1 excluded. Defaults to `0.2`.
        momentum: optional float from 0 to 1, 1 excluded. Of the moving
            averages in the backbone's BatchNormalization. Defaults to the
            backbone's own. Where BatchNormalization is to train, 0.9: Keras's
            0.99 and 0.999 have not arrived by the end of a short run, and the
            network would be judged by them.
        attention: one of `ATTENTIONS`. What is grafted into the backbone, as
            in `graft_attention` of `aet_keras.backbones`; `"pooling"` puts a
            `SoftAttentionPooling` in the place of average pooling. None of
            them changes an output before it learns. Defaults to `"none"`.
        attention_ratio: optional int >= 1. How many channels share a hidden
            unit of `"se"` and `"cbam"`.
        head_units: int >= 0. Width of a hidden layer (ReLU) before the last
            one; 0 does without, and lets the head be solved.

    Returns:
        A `keras.Model` from float `(batch, height, width, 3)`, 0 to 255, to
        probabilities `(batch, class_count)`.

    Raises:
        ValueError: if an argument is out of range or a name not known.
        WeightsError: if the weights cannot be had or do not fit.

    Example:

    >>> model = aet_keras.tasks.build_image_classifier(
    ...     class_count=3, weights="none"
    ... )
    >>> model.input_shape, model.output_shape
    ((None, 64, 64, 3), (None, 3))
    """
    owner = "build_image_classifier"
    check_head(owner, class_count, activation)
    check.number(owner, least=0, most=0.999, dropout=dropout)
    check_attention(owner, attention, attention_ratio)
    check.whole(owner, head_units=head_units)
    base = backbones.load_backbone(
        backbone, weights=weights, image_size=image_size
    )
    if momentum is not None:
        check.number(owner, least=0, most=0.999, momentum=momentum)
        set_momentum(base, momentum)
    pool = keras.layers.GlobalAveragePooling2D
    if attention == "pooling":
        pool = layers.SoftAttentionPooling
    elif attention != "none":
        base = graft_attention(base, attention, ratio=attention_ratio)
    pixels = keras.Input((*image_size, 3), name="images")
    x = base(backbones.preprocess(backbone, pixels))
    x = pool(name="pool")(x)
    if head_units:
        x = keras.layers.Dense(head_units, activation="relu", name="hidden")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(
        class_count,
        activation=activation,
        dtype="float32",
        name=head_name(activation),
    )(x)
    return keras.Model(pixels, x, name="image_classifier")


def check_attention(owner: object, attention: str, ratio: int | None) -> None:
    """Raises unless it is one of `ATTENTIONS`, with a ratio only if it has one.

    Args:
        owner: object or str. Who asks.
        attention: str. What is to be grafted.
        ratio: optional int >= 1. How many channels share a hidden unit.

    Raises:
        TypeError: if the ratio is not an int.
        ValueError: if the attention is not known, has no hidden units to
            which a ratio would apply, or the ratio is below 1.

    Example:

    >>> aet_keras.tasks.image_model.check_attention("mine", "se", 8)
    """
    check.one_of(owner, attention=attention, among=ATTENTIONS)
    if ratio is None:
        return
    check.positive_int(owner, attention_ratio=ratio)
    if attention not in SQUEEZED:
        raise ValueError(
            f"{check.owner_name(owner)}: `attention_ratio` must go with 'se' "
            "or 'cbam', because the others have no hidden units. Received: "
            f"attention={attention!r}, attention_ratio={ratio}. Leave it out."
        )


def set_momentum(model: keras.Model, momentum: float) -> None:
    """Sets the momentum of the moving averages in BatchNormalization.

    Args:
        model: `keras.Model`; those inside of layers that are models, too.
        momentum: float from 0 to 1, 1 excluded.

    Example:

    >>> model = keras.Sequential([keras.layers.BatchNormalization()])
    >>> aet_keras.tasks.image_model.set_momentum(model, 0.9)
    >>> model.layers[0].momentum
    0.9
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            set_momentum(layer, momentum)
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
