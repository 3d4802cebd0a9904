"""Whole models for images, texts, tables and ratings."""

from aet_keras.tasks.image_model import (
    ATTENTIONS,
    build_image_classifier,
    check_attention,
)
from aet_keras.tasks.rating_model import build_recommender, user_layers
from aet_keras.tasks.table_model import (
    ENCODED,
    NETWORK,
    build_table_classifier,
    feature_names,
    fit_feature_space,
)
from aet_keras.tasks.text_model import POOLINGS, build_text_classifier

__all__ = [
    "ATTENTIONS",
    "ENCODED",
    "NETWORK",
    "POOLINGS",
    "build_image_classifier",
    "build_recommender",
    "build_table_classifier",
    "build_text_classifier",
    "check_attention",
    "feature_names",
    "fit_feature_space",
    "user_layers",
]
