"""Whole models for images, texts, tables and ratings."""

from aet_keras._renamed import renamed
from aet_keras.tasks.image_model import build_image_classifier
from aet_keras.tasks.rating_model import build_recommender
from aet_keras.tasks.table_model import build_table_classifier
from aet_keras.tasks.text_model import build_text_classifier

__all__ = [
    "build_image_classifier",
    "build_recommender",
    "build_table_classifier",
    "build_text_classifier",
]

__getattr__ = renamed(
    __name__,
    moved={
        "image_model": ["ATTENTIONS", "check_attention"],
        "rating_model": ["user_layers"],
        "table_model": [
            "ENCODED",
            "NETWORK",
            "feature_names",
            "fit_feature_space",
        ],
        "text_model": ["POOLINGS"],
    },
)
