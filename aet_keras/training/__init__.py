"""What is a run, written down and carried out?"""

from aet_keras.training.find_learning_rate import find_learning_rate
from aet_keras.training.fine_tune import Run, fine_tune
from aet_keras.training.rate_range import RateRange
from aet_keras.training.recipe import Recipe
from aet_keras.training.run import Publication, run_recipe

__all__ = [
    "Publication",
    "RateRange",
    "Recipe",
    "Run",
    "find_learning_rate",
    "fine_tune",
    "run_recipe",
]
