"""Recipes: all that is needed to repeat a run."""

from aet_keras._renamed import renamed
from aet_keras.recipes.image_recipe import ImageRecipe, Recipe
from aet_keras.recipes.kinds import load_recipe, make_recipe
from aet_keras.recipes.rating_recipe import RatingRecipe
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe

__all__ = [
    "ImageRecipe",
    "RatingRecipe",
    "Recipe",
    "TableRecipe",
    "TextRecipe",
    "load_recipe",
    "make_recipe",
]

__getattr__ = renamed(
    __name__,
    {
        "RATE_POLICIES": "aet_keras.recipes.shared_settings.RATE_POLICIES",
        "Setting": "aet_keras.recipes.setting.Setting",
        "THAW_POLICIES": "aet_keras.recipes.shared_settings.THAW_POLICIES",
        "WrittenDown": "aet_keras.recipes.base_recipe.BaseRecipe",
        "settings_of": "aet_keras.recipes.setting.settings_of",
    },
)
