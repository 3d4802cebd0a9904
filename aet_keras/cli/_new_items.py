"""Reads new rows of a published model of items."""

import itertools
from typing import Any

import numpy as np

from aet_keras._keras import reading
from aet_keras.cli._inputs import read_images
from aet_keras.cli._inputs import reasons as reasons_of
from aet_keras.cli._truths import truths
from aet_keras.data.item_table import (
    HAS_IMAGE,
    HAS_TEXT,
    PIXELS,
    WORDS,
    read_item_rows,
)
from aet_keras.errors import DataError
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training import item_tokens


def read_new_items(asked: Any) -> dict[str, Any]:
    """Reads items of tables; those whose image is bad are left out, and said.

    Args:
        asked: `Asked`.

    Returns:
        dict of what a `NewRows` holds, its `x` a dict of arrays as
        `data.item_table.read_items` has them.

    Raises:
        DataError: if a column is missing, or no row can be read.
    """
    parts = [_of_file(asked, file) for file in asked.what]
    names, ids, cells = (
        list(itertools.chain.from_iterable(part[i] for part in parts))
        for i in (1, 2, 3)
    )
    x = reading.join([part[0] for part in parts])
    if not names:
        raise DataError(
            f"{asked.owner}: there must be an item, because items are "
            f"compared. Received: {', '.join(asked.what)}, with none that can "
            "be read. Name other files."
        )
    x = with_tokens(asked, x)
    times = [None] * len(names)
    return dict(x=x, names=names, ids=ids, times=times, classes=cells)


def with_tokens(asked: Any, x: dict[str, Any]) -> dict[str, Any]:
    """Returns items with the tokens of their texts, if the model takes them.

    Args:
        asked: `Asked`.
        x: dict of arrays, as `data.item_table.read_items` has them.
    """
    recipe: Any = load_recipe(asked.path / "recipe.json")
    if recipe.text_backbone is None:
        return x
    length = asked.model.input["token_ids"].shape[1]
    texts = x[WORDS].tolist()
    item_tokens.check_tokeniser(recipe, asked.model, texts, version=asked.path)
    packing = item_tokens.packing_of(recipe, sequence_length=length)
    return {**x, **packing.pack(texts)}


def _of_file(asked, file):
    specification = asked.specification
    frame = asked.frame(file)
    files, texts = read_item_rows(frame, specification, file)
    size = tuple(specification.image_size)
    there = [row for row, each in enumerate(files) if each]
    read = list(read_images([files[row] for row in there], size))
    pixels = np.zeros((len(files), *size, 3), "uint8")
    is_good = np.ones(len(files), bool)
    for row, image in zip(there, read, strict=True):
        is_good[row] = not image.reason
        if not image.reason:
            pixels[row] = image.values["images"]
    bad = [image for image in read if image.reason]
    if bad:
        asked.say(
            f"{asked.owner}: {len(bad)} of {len(files)} could not be read: "
            f"{reasons_of(bad)}. They are left out."
        )
    kept = np.flatnonzero(is_good)
    x = {
        PIXELS: pixels,
        HAS_IMAGE: np.array([bool(each) for each in files], "float32"),
        WORDS: np.array(texts, object),
        HAS_TEXT: np.array([bool(each) for each in texts], "float32"),
        **asked.columns(frame, file),
    }
    ids, true = asked.ids(frame), [""] * len(files)
    if asked.is_labelled:
        true = truths(asked, frame, specification.target)
    return (
        {name: column[kept] for name, column in x.items()},
        [f"{file}:{row + 1}" for row in kept],
        [ids[row] for row in kept],
        [true[row] for row in kept],
    )
