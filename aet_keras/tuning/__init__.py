"""Searches for the best recipe, or the best values for a model."""

from aet_keras import _optional
from aet_keras._renamed import renamed

with _optional.needing("tuning"):
    from aet_keras.tuning.hypermodel import ElasticHyperModel
    from aet_keras.tuning.recipe_search import search_recipes
    from aet_keras.tuning.search import search
    from aet_keras.tuning.space import ElasticSpace

__all__ = [
    "ElasticHyperModel",
    "ElasticSpace",
    "search",
    "search_recipes",
]

__getattr__ = renamed(
    __name__,
    moved={"hypermodel": ["RecipeHyperModel"], "trials": ["Search", "Trial"]},
)
