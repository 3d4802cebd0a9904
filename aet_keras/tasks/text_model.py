"""Builds a classifier of texts on an encoder."""

import keras

from aet_keras import _check as check
from aet_keras import layers
from aet_keras._choices import POOLINGS
from aet_keras.tasks.number_unit import check_head, head_name

_MADE = ("token_ids", "padding_mask", "segment_ids")


def build_text_classifier(
    encoder: keras.Model,
    *,
    class_count: int,
    sequence_length: int,
    activation: str = "softmax",
    pooling: str = "mean",
    dropout: float = 0.1,
) -> keras.Model:
    """Puts a head on a pretrained encoder of tokens.

    The encoder, the mean over the tokens that are no padding, dropout and one
    dense layer with a softmax, in one functional model, whose groups are the
    encoder's embeddings, its blocks, and the head.

    Args:
        encoder: `keras.Model`, as `aet_keras.backbones.load_text_encoder`
            loads it: from a dict of `token_ids` and perhaps `padding_mask`
            and `segment_ids` to `(batch, positions, width)`.
        class_count: int >= 2; of tags >= 1, of a number 1.
        activation: `"softmax"`, of classes; `"sigmoid"`, of tags, of which any
            number may be true of a row; or `"linear"`, of a number. Defaults
            to `"softmax"`.
        sequence_length: int >= 1. Tokens in a row.
        pooling: `"mean"`, or `"attention"`, which puts a
            `SoftAttentionPooling` in its place: the same until it learns
            which words count.
        dropout: float from 0 to 1, 1 excluded. Defaults to `0.1`.

    Returns:
        A `keras.Model` from a dict of `token_ids` and `padding_mask`, int32
        `(batch, sequence_length)`, to probabilities `(batch, class_count)`.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if one is out of range, or the encoder takes other inputs.

    Example:

    >>> tokens = keras.Input((None,), dtype="int32", name="token_ids")
    >>> encoder = keras.Model(
    ...     {"token_ids": tokens}, keras.layers.Embedding(50, 4)(tokens)
    ... )
    >>> model = aet_keras.tasks.build_text_classifier(
    ...     encoder, class_count=3, sequence_length=8
    ... )
    >>> model.output_shape
    (None, 3)
    """
    owner = "build_text_classifier"
    check.instance(owner, of=keras.Model, encoder=encoder)
    check_head(owner, class_count, activation)
    check.positive_int(owner, sequence_length=sequence_length)
    check.one_of(owner, pooling=pooling, among=POOLINGS)
    check.number(owner, least=0, most=0.999, dropout=dropout)
    names = _input_names(owner, encoder)
    tokens, mask = (
        keras.Input((sequence_length,), dtype="int32", name=name)
        for name in ("token_ids", "padding_mask")
    )
    made = {"token_ids": tokens, "padding_mask": mask}
    if "segment_ids" in names:  # one text is one segment, the first
        made["segment_ids"] = keras.ops.zeros_like(tokens)
    x = encoder({name: made[name] for name in names})
    x = _pool(pooling)(x, mask=mask)  # (batch, width)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(
        class_count,
        activation=activation,
        dtype="float32",
        name=head_name(activation),
    )(x)
    inputs = {"token_ids": tokens, "padding_mask": mask}
    return keras.Model(inputs, x, name="text_classifier")


def _pool(pooling):
    if pooling == "attention":
        return layers.SoftAttentionPooling(name="pool")
    return keras.layers.GlobalAveragePooling1D(name="pool")


def _input_names(owner, encoder):
    given = encoder.input
    names = list(given) if isinstance(given, dict) else []
    if "token_ids" in names and set(names) <= set(_MADE):
        return names
    raise ValueError(
        f"{owner}: the encoder must take a dict of `token_ids` and, if it "
        "likes, `padding_mask` and `segment_ids`, because these are made of a "
        f"text. Received: {names or type(given).__name__}. Load it with "
        "`aet_keras.backbones.load_text_encoder`."
    )
