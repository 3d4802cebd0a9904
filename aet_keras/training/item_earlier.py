"""Has a recipe of items read and build them as an earlier model does."""

import dataclasses
from pathlib import Path

import keras

from aet_keras.backbones.applications import EMBEDDED
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training import job, text_job

_READ = "image_size", "text_backbone", "vocabulary", "sequence_length"
_BUILT = "backbone", "weights", "dropout"


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


def load(recipe: ItemRecipe) -> keras.Model:
    """Loads the model that a recipe begins with, its `from_`."""
    assert recipe.from_ is not None
    if recipe.text_backbone is not None:
        text_job.load_layers()
    return job.load_earlier(recipe.from_)


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
    usual = 64 if recipe.backbone == EMBEDDED else 160
    for name in (*_BUILT, *_READ):
        given, known = getattr(recipe, name), getattr(earlier, name)
        is_asked = recipe.given_of(name) is not None
        if name == "image_size":  # its default is the backbone's
            is_asked = given != usual
        if is_asked and given != known:
            raise ValueError(
                f"{recipe.owner}: {recipe.named(name)} must be that of the "
                "earlier model (`--from`), which stays as it was built. "
                f"Received: {given!r}, where it has {known!r}. Leave it out, "
                "or train anew."
            )
    same = {name: getattr(earlier, name) for name in (*_BUILT, *_READ)}
    made = dataclasses.replace(recipe, **same)
    return sized_as(made, earlier, load(made))
