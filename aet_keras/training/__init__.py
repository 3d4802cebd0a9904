"""Fine-tunes a model, and runs recipes."""

from aet_keras._renamed import renamed
from aet_keras.training.adapt import adapt
from aet_keras.training.find_learning_rate import find_learning_rate
from aet_keras.training.fine_tune import fine_tune
from aet_keras.training.interpolation import interpolate
from aet_keras.training.rating_new_users import adapt_users
from aet_keras.training.run import run_recipe
from aet_keras.training.teach import teach

__all__ = [
    "adapt",
    "adapt_users",
    "find_learning_rate",
    "fine_tune",
    "interpolate",
    "run_recipe",
    "teach",
]

__getattr__ = renamed(
    __name__,
    {"WrittenDown": "aet_keras.recipes.base_recipe.BaseRecipe"},
    moved={
        "aet_keras.recipes": [
            "RatingRecipe",
            "Recipe",
            "TableRecipe",
            "TextRecipe",
            "load_recipe",
        ],
        "aet_keras.recipes.kinds": ["make_recipe"],
        "aet_keras.recipes.shared_settings": ["RATE_POLICIES", "THAW_POLICIES"],
        "fine_tune": ["Run"],
        "image_job": ["build_classifier", "fit_recipe", "read_dataset"],
        "interpolation": ["Interpolation"],
        "job": ["Job"],
        "rate_range": ["RateRange"],
        "rating_new_users": ["AdaptedUsers"],
        "run": ["Publication"],
        "table_job": ["build_table_model", "fit_table_model", "read_rows"],
        "table_measuring": ["measure_table_model"],
        "text_job": ["read_tokens", "text_rate_policy", "text_thaw_policy"],
    },
)
