"""Fine-tunes a model, and runs recipes."""

from aet_keras.recipes.base_recipe import WrittenDown
from aet_keras.recipes.image_recipe import RATE_POLICIES, THAW_POLICIES, Recipe
from aet_keras.recipes.kinds import load_recipe, make_recipe
from aet_keras.recipes.rating_recipe import RatingRecipe
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe
from aet_keras.training.find_learning_rate import find_learning_rate
from aet_keras.training.fine_tune import Run, fine_tune
from aet_keras.training.image_job import (
    build_classifier,
    fit_recipe,
    read_dataset,
)
from aet_keras.training.job import Job
from aet_keras.training.rate_range import RateRange
from aet_keras.training.rating_new_users import AdaptedUsers, adapt_users
from aet_keras.training.run import Publication, run_recipe
from aet_keras.training.table_job import (
    build_table_model,
    fit_table_model,
    measure_table_model,
    read_rows,
)
from aet_keras.training.text_job import (
    read_tokens,
    text_rate_policy,
    text_thaw_policy,
)

__all__ = [
    "AdaptedUsers",
    "Job",
    "Publication",
    "RATE_POLICIES",
    "RateRange",
    "RatingRecipe",
    "Recipe",
    "Run",
    "THAW_POLICIES",
    "TableRecipe",
    "TextRecipe",
    "WrittenDown",
    "adapt_users",
    "build_classifier",
    "build_table_model",
    "find_learning_rate",
    "fine_tune",
    "fit_recipe",
    "fit_table_model",
    "load_recipe",
    "make_recipe",
    "measure_table_model",
    "read_dataset",
    "read_rows",
    "read_tokens",
    "run_recipe",
    "text_rate_policy",
    "text_thaw_policy",
]
