"""What is a run, written down and carried out?"""

from aet_keras.training.recipe import Recipe
from aet_keras.training.run import Run, run_recipe

__all__ = ["Recipe", "Run", "run_recipe"]
