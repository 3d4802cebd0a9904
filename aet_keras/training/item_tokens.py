"""Cuts the texts of items into tokens, those that a version has learned."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras.backbones import text_packing
from aet_keras.data.item_table import HAS_IMAGE, HAS_TEXT, PIXELS, WORDS
from aet_keras.export.item_model import compare_item_export, read_item_manifest
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.training.text_job import (
    COMPARED_TEXTS,
    OTHER_TOKENS,
    proving_tokeniser,
)


def packing_of(recipe: ItemRecipe, **settings: Any) -> Any:
    """Returns what cuts the texts of a recipe into tokens."""
    assert recipe.text_backbone is not None
    return text_packing.kept_text_packing(
        recipe.text_backbone, vocabulary=recipe.vocabulary, **settings
    )


def check_tokeniser(
    recipe: ItemRecipe,
    model: keras.Model,
    texts: Sequence[str],
    *,
    version: str | os.PathLike,
) -> None:
    """Raises unless a published model gets the tokens that it has learned.

    Items of these texts alone, without image and columns, are answered by it
    and by its SavedModel, which has its own tokeniser. A model that counts
    words has none, and passes.

    Args:
        recipe: `ItemRecipe` of the version.
        model: its `keras.Model`.
        texts: sequence of str; empty ones prove nothing, and are left out.
        version: path of the version.

    Raises:
        ExportError: if it answers texts otherwise than its SavedModel.
        WeightsError: if the tokeniser cannot be had.
    """
    given = [text for text in texts if text][:COMPARED_TEXTS]
    if recipe.text_backbone is None or not given:
        return
    known, count = read_item_manifest(version), len(given)
    assert known.image_size is not None
    rows = {
        PIXELS: np.zeros((count, *known.image_size, 3), "uint8"),
        HAS_IMAGE: np.zeros(count, "float32"),
        HAS_TEXT: np.ones(count, "float32"),
        WORDS: np.array(given, object),
    }
    for column in known.columns:
        is_text = column.kind == "category"
        missing = "" if is_text else np.float32("nan")
        kind = object if is_text else "float32"
        rows[column.name] = np.full(count, missing, kind)
    length = model.input["token_ids"].shape[1]
    packing = packing_of(recipe, sequence_length=length)
    with proving_tokeniser(recipe, recipe.text_backbone, version):
        compare_item_export(
            version,
            model,
            rows,
            specification=known,
            packing=packing,
            tolerance=OTHER_TOKENS,
        )
