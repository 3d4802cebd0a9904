"""Builds a model of items: an image, a text and the columns of a table."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import backbones
from aet_keras.tasks.number_unit import head_name

NETWORK = "network"
IMAGE, TEXT, TABLE = "image", "text", "table"
THERE = "what is there"
_FEATURES = "{}_features"
_SCORES = "{}_scores"
_MOST_WORDS = 4000


@dataclasses.dataclass(frozen=True)
class Words:
    """Holds which words and pairs of words are counted, and what they weigh.

    Args:
        vocabulary: tuple of str.
        weights: tuple of float. Inverse document frequencies.

    Example:

    >>> from aet_keras.tasks.item_model import Words
    >>> Words.fitted(["red hat", "red shoe"]).vocabulary[0]
    'red'
    """

    vocabulary: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def fitted(
        cls, texts: Sequence[str], *, most: int = _MOST_WORDS
    ) -> "Words":
        """Chooses the most frequent words and pairs of texts.

        Args:
            texts: normalised (`data.item_table.normal_words`).
            most: int >= 1.
        """
        counts: dict[str, int] = {}
        for text in texts:
            words = text.split()
            pairs = map(" ".join, itertools.pairwise(words))
            for each in {*words, *pairs}:
                counts[each] = counts.get(each, 0) + 1
        least = 2 if len(texts) >= 100 else 1
        kept = [word for word, count in counts.items() if count >= least]
        kept = sorted(kept, key=lambda word: (-counts[word], word))[:most]
        kept = kept or ["nothing"]
        total = 1 + len(texts)
        weights = [
            float(np.log(total / (1 + counts.get(word, 0))) + 1)
            for word in kept
        ]
        return cls(tuple(kept), tuple(weights))


def build_item_network(
    *,
    class_count: int,
    activation: str,
    image_backbone: keras.Model,
    preprocessing: str,
    image_size: tuple[int, int],
    text: int | keras.Model,
    sequence_length: int = 0,
    table_width: int = 0,
    dropout: float = 0.2,
) -> keras.Model:
    """Builds the network that learns: a score of each part, and their sum.

    The image goes through its backbone and is averaged, the text is counted
    words or goes through an encoder of its own; each is levelled, is zero
    where the part is missing, and has a dense layer. What the head sums up is
    what each part says, so that a part can be left out.

    Args:
        class_count: int. Units of the head.
        activation: `"softmax"`, `"sigmoid"` or `"linear"`.
        image_backbone: `keras.Model` of images.
        preprocessing: str. The name of its family.
        image_size: `(height, width)`.
        text: int, how many words are counted; or the encoder of tokens.
        sequence_length: int. Tokens of a text, for an encoder.
        table_width: int. Encoded columns; 0 of none.
        dropout: float. Of the features of backbones.

    Returns:
        A `keras.Model` from a dict to scores or probabilities.
    """
    pixels = keras.Input((*image_size, 3), name="pixels")
    has_image = keras.Input((1,), name="has_image")
    has_text = keras.Input((1,), name="has_text")
    inputs: dict[str, Any] = {
        "pixels": pixels,
        "has_image": has_image,
        "has_text": has_text,
    }
    x = image_backbone(backbones.preprocess(preprocessing, pixels))
    x = keras.layers.GlobalAveragePooling2D(name="image_pool")(x)
    x = _levelled(x, has_image, IMAGE)
    x = keras.layers.Dropout(dropout, name="image_dropout")(x)
    parts = {IMAGE: x}
    if isinstance(text, int):
        inputs["words"] = keras.Input((text,), name="words")
        name = _FEATURES.format(TEXT)
        y = keras.layers.Identity(name=name)(inputs["words"])
    else:
        y = _encoded(text, inputs, sequence_length)
        y = _levelled(y, has_text, TEXT)
        y = keras.layers.Dropout(dropout, name="text_dropout")(y)
    parts[TEXT] = y
    if table_width:
        inputs["row"] = keras.Input((table_width,), name="row")
        name = _FEATURES.format(TABLE)
        parts[TABLE] = keras.layers.Identity(name=name)(inputs["row"])
    there = keras.layers.Concatenate(name="there")([has_image, has_text])
    x = end(parts, there, class_count=class_count, activation=activation)
    return keras.Model(inputs, x, name=NETWORK)


def end(
    parts: Mapping[str, Any], there: Any, *, class_count: int, activation: Any
) -> Any:
    """Returns what a network puts out of the features of its parts.

    Args:
        parts: dict of part to its features, symbolic.
        there: which of image and text there are, likewise.
        class_count: int. Units of the head.
        activation: as of a layer. Of the sum of the scores.
    """
    dense = {"kernel_initializer": "zeros", "use_bias": False}
    scores = [
        keras.layers.Dense(class_count, name=_SCORES.format(part), **dense)(x)
        for part, x in parts.items()
    ]
    scores.append(
        keras.layers.Dense(
            class_count, kernel_initializer="zeros", name="there_scores"
        )(there)
    )
    x = keras.layers.Add(name="sum", dtype="float32")(scores)
    activation = keras.activations.serialize(keras.activations.get(activation))
    return keras.layers.Activation(
        activation, dtype="float32", name=head_name(activation)
    )(x)


def _levelled(features, is_there, part):
    """Brings features to mean 0, and zero where the part is missing.

    What is subtracted and divided by is measured later (`set_level`).
    """
    width = features.shape[-1]
    level = keras.layers.BatchNormalization(
        center=False,
        scale=False,
        epsilon=1e-6,
        trainable=False,
        name=f"{part}_level",
    )
    x = keras.layers.Multiply(name=f"{part}_there")([level(features), is_there])
    return keras.layers.Rescaling(
        width**-0.5, name=_FEATURES.format(part), dtype="float32"
    )(x)


def set_level(network: keras.Model, part: str, features: np.ndarray) -> None:
    """Measures the mean and spread of the features of a part.

    Args:
        network: of `build_item_network`.
        part: `"image"` or `"text"`.
        features: float array `(rows, width)`, before they are levelled.
    """
    level = network.get_layer(f"{part}_level")
    level.set_weights([features.mean(axis=0), features.var(axis=0) + 1e-6])


def _encoded(encoder, inputs, length):
    tokens, mask = (
        keras.Input((length,), dtype="int32", name=name)
        for name in ("token_ids", "padding_mask")
    )
    inputs |= {"token_ids": tokens, "padding_mask": mask}
    made = {"token_ids": tokens, "padding_mask": mask}
    if "segment_ids" in encoder.input:
        made["segment_ids"] = keras.ops.zeros_like(tokens)
    x = encoder({name: made[name] for name in encoder.input})
    return keras.layers.GlobalAveragePooling1D(name="text_pool")(x, mask=mask)


def parts_of(network: keras.Model) -> tuple[str, ...]:
    """Returns the names of the parts that a network has."""
    names = {layer.name for layer in network.layers}
    parts = (IMAGE, TEXT, TABLE)
    return tuple(x for x in parts if _FEATURES.format(x) in names)


def features_of(network: keras.Model, part: str) -> keras.layers.Layer:
    """Returns the layer that puts out the features of a part."""
    return network.get_layer(_FEATURES.format(part))


def scores_of(network: keras.Model, part: str) -> keras.layers.Layer:
    """Returns the dense layer that makes scores of them."""
    return network.get_layer(_SCORES.format(part))


def build_item_model(
    network: keras.Model,
    *,
    words: Words | None,
    features: keras.utils.FeatureSpace | None,
) -> keras.Model:
    """Puts what reads raw cells below a network.

    Args:
        network: of `build_item_network`.
        words: `Words` that are counted; `None` where an encoder takes tokens.
        features: optional `FeatureSpace` of the other columns.

    Returns:
        A `keras.Model` from a dict of `pixels`, `has_image`, `has_text`,
        `text` (normalised) or `token_ids` and `padding_mask`, and the
        columns, each `(rows, 1)`.
    """
    inputs = {
        name: keras.Input(each.shape[1:], dtype=each.dtype, name=name)
        for name, each in network.input.items()
        if name not in ("words", "row")
    }
    given: dict[str, Any] = dict(inputs)
    if words is not None:
        inputs["text"] = keras.Input((1,), dtype="string", name="text")
        given["words"] = _counted(inputs["text"], words)
    if features is not None:
        inputs |= dict(features.get_inputs())
        given["row"] = keras.layers.Identity(name="encoded")(
            features.get_encoded_features()
        )
    return keras.Model(inputs, network(given), name="item_model")


def _counted(text, words):
    counts = keras.layers.TextVectorization(
        standardize=None,
        split="whitespace",
        ngrams=2,
        output_mode="count",
        vocabulary=list(words.vocabulary),
        name="text_words",
    )(text)
    counts = keras.layers.Reshape((-1,), name="text_counts")(counts)
    # The first place is that of all words that are not counted.
    spread = np.array([1.0, *(w**-2.0 for w in words.weights)], "float32")
    spread[0] = 1e12
    level = keras.layers.Normalization(
        mean=[0.0] * len(spread), variance=spread.tolist(), name="text_weights"
    )
    return keras.layers.UnitNormalization(name="text_unit")(level(counts))
