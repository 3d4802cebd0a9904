"""Recipes: all that is needed to repeat a run."""

from aet_keras._renamed import renamed
from aet_keras.recipes.image_recipe import Recipe
from aet_keras.recipes.kinds import load_recipe
from aet_keras.recipes.rating_recipe import RatingRecipe
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe

__all__ = [
    "RatingRecipe",
    "Recipe",
    "TableRecipe",
    "TextRecipe",
    "load_recipe",
]

__getattr__ = renamed(
    __name__,
    {"WrittenDown": "aet_keras.recipes.base_recipe.BaseRecipe"},
    moved={
        "image_recipe": ["ImageRecipe"],
        "kinds": ["make_recipe"],
        "setting": ["Setting", "settings_of"],
        "shared_settings": ["RATE_POLICIES", "THAW_POLICIES"],
    },
)
