"""What has to be known to repeat a run?"""

from aet_keras.recipes.ratings_recipe import RatingRecipe
from aet_keras.recipes.recipe import RATE_POLICIES, THAW_POLICIES, Recipe
from aet_keras.recipes.setting import Setting, settings_of
from aet_keras.recipes.tabular_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe
from aet_keras.recipes.written_down import WrittenDown

__all__ = [
    "RATE_POLICIES",
    "RatingRecipe",
    "Recipe",
    "Setting",
    "THAW_POLICIES",
    "TableRecipe",
    "TextRecipe",
    "WrittenDown",
    "settings_of",
]
