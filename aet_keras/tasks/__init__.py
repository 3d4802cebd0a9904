"""Whole models for images, texts, tables and ratings."""

from aet_keras._renamed import renamed
from aet_keras.tasks.image_model import ATTENTIONS, build_image_classifier
from aet_keras.tasks.rating_model import build_recommender
from aet_keras.tasks.table_model import build_table_classifier
from aet_keras.tasks.text_model import build_text_classifier

__all__ = [
    "ATTENTIONS",
    "build_image_classifier",
    "build_recommender",
    "build_table_classifier",
    "build_text_classifier",
]

__getattr__ = renamed(
    __name__,
    {
        "ENCODED": "aet_keras.tasks.table_model.ENCODED",
        "NETWORK": "aet_keras.tasks.table_model.NETWORK",
        "POOLINGS": "aet_keras.tasks.text_model.POOLINGS",
        "check_attention": "aet_keras.tasks.image_model.check_attention",
        "feature_names": "aet_keras.tasks.table_model.feature_names",
        "fit_feature_space": "aet_keras.tasks.table_model.fit_feature_space",
        "user_layers": "aet_keras.tasks.rating_model.user_layers",
    },
)
