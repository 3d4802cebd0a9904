"""Recipes: all that is needed to repeat a run."""

from aet_keras.recipes.base_recipe import WrittenDown
from aet_keras.recipes.image_recipe import (
    RATE_POLICIES,
    THAW_POLICIES,
    ImageRecipe,
    Recipe,
)
from aet_keras.recipes.kinds import load_recipe, make_recipe
from aet_keras.recipes.rating_recipe import RatingRecipe
from aet_keras.recipes.setting import Setting, settings_of
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe

__all__ = [
    "ImageRecipe",
    "RATE_POLICIES",
    "RatingRecipe",
    "Recipe",
    "Setting",
    "THAW_POLICIES",
    "TableRecipe",
    "TextRecipe",
    "WrittenDown",
    "load_recipe",
    "make_recipe",
    "settings_of",
]
