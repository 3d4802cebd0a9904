"""Which recipe, or which numbers of one's own model, work best?"""

from aet_keras.tuning.hypermodel import ElasticHyperModel, RecipeHyperModel
from aet_keras.tuning.recipe_search import search_recipes
from aet_keras.tuning.search import search
from aet_keras.tuning.space import ElasticSpace
from aet_keras.tuning.trials import Search, Trial

__all__ = [
    "ElasticHyperModel",
    "ElasticSpace",
    "RecipeHyperModel",
    "Search",
    "Trial",
    "search",
    "search_recipes",
]
