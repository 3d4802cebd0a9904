"""Fine-tunes a model, and runs recipes."""

from aet_keras._renamed import renamed
from aet_keras.training.find_learning_rate import find_learning_rate
from aet_keras.training.fine_tune import Run, fine_tune
from aet_keras.training.interpolation import Interpolation, interpolate
from aet_keras.training.rate_range import RateRange
from aet_keras.training.rating_new_users import AdaptedUsers, adapt_users
from aet_keras.training.run import Publication, run_recipe

__all__ = [
    "AdaptedUsers",
    "Interpolation",
    "Publication",
    "RateRange",
    "Run",
    "adapt_users",
    "find_learning_rate",
    "fine_tune",
    "interpolate",
    "run_recipe",
]

__getattr__ = renamed(
    __name__,
    {
        "Job": "aet_keras.training.job.Job",
        "RATE_POLICIES": "aet_keras.recipes.shared_settings.RATE_POLICIES",
        "RatingRecipe": "aet_keras.recipes.RatingRecipe",
        "Recipe": "aet_keras.recipes.Recipe",
        "THAW_POLICIES": "aet_keras.recipes.shared_settings.THAW_POLICIES",
        "TableRecipe": "aet_keras.recipes.TableRecipe",
        "TextRecipe": "aet_keras.recipes.TextRecipe",
        "WrittenDown": "aet_keras.recipes.base_recipe.BaseRecipe",
        "build_classifier": "aet_keras.training.image_job.build_classifier",
        "build_table_model": "aet_keras.training.table_job.build_table_model",
        "fit_recipe": "aet_keras.training.image_job.fit_recipe",
        "fit_table_model": "aet_keras.training.table_job.fit_table_model",
        "load_recipe": "aet_keras.recipes.load_recipe",
        "make_recipe": "aet_keras.recipes.make_recipe",
        "measure_table_model": "aet_keras.training.table_measuring."
        "measure_table_model",
        "read_dataset": "aet_keras.training.image_job.read_dataset",
        "read_rows": "aet_keras.training.table_job.read_rows",
        "read_tokens": "aet_keras.training.text_job.read_tokens",
        "text_rate_policy": "aet_keras.training.text_job.text_rate_policy",
        "text_thaw_policy": "aet_keras.training.text_job.text_thaw_policy",
    },
)
