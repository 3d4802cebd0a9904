"""Has a recipe of items read and build them as an earlier model does."""

import dataclasses
from pathlib import Path

import keras

from aet_keras.recipes.item_recipe import ItemRecipe, usual_image_size
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training import job, text_job
from aet_keras.training.earlier import check_given

_READ = "image_size", "text_backbone", "vocabulary", "sequence_length"


def sized_as(
    recipe: ItemRecipe, earlier: ItemRecipe, model: keras.Model
) -> ItemRecipe:
    """Returns a recipe that reads images and texts as an earlier one did.

    Args:
        recipe: `ItemRecipe`.
        earlier: that of a version.
        model: its model, which takes a number of tokens.
    """
    known = {name: getattr(earlier, name) for name in _READ}
    if "token_ids" in model.input:
        known["sequence_length"] = model.input["token_ids"].shape[1]
    return dataclasses.replace(recipe, **known)


def load(folder: str, text_backbone: str | None) -> keras.Model:
    """Loads the model of the newest version, the layers of its texts first."""
    if text_backbone is not None:
        text_job.load_layers()
    return job.load_earlier(folder)


def as_earlier(recipe: ItemRecipe) -> ItemRecipe:
    """Returns a recipe with all that is settled by the model of its `from_`.

    Args:
        recipe: `ItemRecipe` whose `from_` is a version.

    Raises:
        ValueError: if it asks for another size, or another backbone.
    """
    assert recipe.from_ is not None
    earlier = load_recipe(Path(recipe.from_) / "recipe.json")
    assert isinstance(earlier, ItemRecipe)
    model = load(recipe.from_, earlier.text_backbone)
    built = {name: getattr(earlier, name) for name in recipe.built}
    made = sized_as(dataclasses.replace(recipe, **built), earlier, model)
    known = {name: getattr(made, name) for name in (*recipe.built, *_READ)}
    if recipe.image_size == usual_image_size(recipe.backbone):
        known.pop("image_size")  # it is no size that was asked for
    check_given(recipe, known)
    return made
