"""Searches for the best recipe, or the best values for a model."""

from aet_keras import _optional

with _optional.needing("tuning"):
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
