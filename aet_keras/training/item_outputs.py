"""Reads what a model of items makes of rows, and measures its reference."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import data, tasks
from aet_keras._keras import reading
from aet_keras.data.item_table import (
    HAS_IMAGE,
    HAS_TEXT,
    PIXELS,
    WORDS,
    normal_words,
)
from aet_keras.drift.model_outputs import ModelOutputs, sum_of_weights
from aet_keras.drift.reference import (
    TRAIN_ROWS,
    VALIDATION_ROWS,
    Reference,
    as_cells,
)
from aet_keras.tasks import item_model
from aet_keras.training.item_start import Measurer

_TOKENS = ("token_ids", "padding_mask")
_COUNTED = "counted words"  # no column has a name with a space


def rows_of(split: data.Split) -> dict[str, Any]:
    """Returns the rows of a split as the whole model takes them."""
    given = split.inputs
    own = {PIXELS, HAS_IMAGE, HAS_TEXT, WORDS, *_TOKENS}
    rows: dict[str, Any] = {
        "pixels": given[PIXELS],
        "has_image": given[HAS_IMAGE][:, None],
        "has_text": given[HAS_TEXT][:, None],
    }
    if "token_ids" in given:
        rows |= {name: given[name] for name in _TOKENS}
    else:
        rows["text"] = normal_words(given[WORDS].tolist())[:, None]
    cells = {name: each for name, each in given.items() if name not in own}
    return rows | data.as_tensors(cells)


def encode(model: keras.Model, split: data.Split) -> dict[str, np.ndarray]:
    """Returns the rows of a split as the network takes them."""
    rows = rows_of(split)
    found = {
        name: np.asarray(rows[name])
        for name in ("pixels", "has_image", "has_text", *_TOKENS)
        if name in rows
    }
    cells = {key: each for key, each in rows.items() if key not in found}
    texts = {key: cells.pop(key) for key in ("text",) if key in cells}
    read = (("words", "text_unit", texts), ("row", "encoded", cells))
    for name, layer, used in read:
        if used:
            inputs = {key: model.input[key] for key in used}
            inner = keras.Model(inputs, model.get_layer(layer).output)
            found[name] = np.asarray(inner(used, training=False))
    return found


def predict(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns what a model says of the rows of a split."""
    return _said(model, encode(model, split))


def _said(model, rows):
    """Returns what a model says of rows as its network takes them."""
    inner = model.get_layer(item_model.NETWORK)
    found = inner.predict(rows, batch_size=128, verbose=0)
    names = {layer.name for layer in model.layers}
    if tasks.number_unit.NUMBER in names:
        unit = tasks.number_unit.Unit.of(model)
        return unit.numbers(found).astype("float32")
    return found


def read_item_outputs(
    model: keras.Model,
    inputs: Mapping[str, Any],
    labels: np.ndarray | None = None,
    *,
    specification: Any,
) -> ModelOutputs:
    """Runs items through a model, once.

    The features are those of all parts, one beside the other. Raw columns,
    whether there is an image and a text, how many words that has, and how many
    of them the model counts, are compared one by one: new words alone move no
    feature.

    Args:
        model: of items, whole.
        inputs: dict of arrays, as `data.item_table.read_items` reads them.
        labels: optional array `(rows,)`, or of tags `(rows, tags)`.
        specification: `ItemSpecification`.
    """
    count = len(inputs[HAS_IMAGE])
    split = data.Split(inputs, np.zeros(count, "int32"), ("",) * count)
    network = model.get_layer(item_model.NETWORK)
    rows = encode(model, split)
    features = list(Measurer(network)(rows).values())
    lengths = [len(text.split()) for text in inputs[WORDS]]
    columns = {WORDS: np.array(lengths, "float32")}
    if "words" in rows:  # counted ones; tokens have no such input
        # The first place is that of all words that are not counted.
        counted = np.count_nonzero(rows["words"][:, 1:], axis=1)
        columns[_COUNTED] = counted.astype("float32")
    names = [each.name for each in specification.columns]
    return ModelOutputs(
        np.concatenate(features, axis=1),
        _said(model, rows).astype("float32"),
        labels=labels,
        columns=columns
        | {
            name: as_cells(np.asarray(inputs[name]))
            for name in (HAS_IMAGE, HAS_TEXT, *names)
        },
    )


def item_reference(model: keras.Model, dataset: data.Dataset) -> Reference:
    """Measures what new items are compared with.

    Each part counts the same, however large its numbers are: its features are
    divided by their spread in training rows before their main directions are
    found.

    Args:
        model: the trained model of items.
        dataset: `data.Dataset`.
    """
    specification = dataset.specification
    is_number = specification.target_kind == "number"
    held = dataset.test if is_number else dataset.validation
    seen, known = (
        read_item_outputs(
            model, *_some(split, most), specification=specification
        )
        for split, most in (
            (dataset.train, TRAIN_ROWS),
            (held, VALIDATION_ROWS),
        )
    )
    spread, start = [], 0
    for width in _widths(model):
        part = seen.features[:, start : start + width]
        total = float(np.sqrt(part.var(axis=0).sum()))
        spread += [1 / total if total > 0 else 1.0] * width
        start += width
    weights = np.array(spread, "float32")
    scaled = [
        dataclasses.replace(each, features=each.features * weights)
        for each in (seen, known)
    ]
    found = Reference.of_outputs(
        *scaled,
        model=sum_of_weights(model),
        class_names=specification.class_names,
    )
    return dataclasses.replace(
        found,
        center=found.center / weights,
        basis=found.basis * weights[:, None],
    )


def _widths(model):
    """Returns how many numbers each part has, in the order of `Measurer`."""
    network = model.get_layer(item_model.NETWORK)
    parts = item_model.parts_of(network)
    widths = [
        int(item_model.features_of(network, part).output.shape[-1])
        for part in parts
    ]
    return [*widths, 2]  # whether there is an image, and a text


def _some(split, most):
    """Returns at most so many rows and labels, evenly spread."""
    rows: Any = slice(None, None, max(1, -(-split.count // most)))
    return reading.take(split.inputs, rows), split.labels[rows]
