"""Writes trained models as SavedModels, and in other formats."""

from aet_keras._renamed import renamed
from aet_keras.export.comparison import (
    compare_image_export,
    compare_rating_export,
    compare_table_export,
    compare_text_export,
)
from aet_keras.export.conversion import convert
from aet_keras.export.deployment import write_deployment
from aet_keras.export.image_model import write_image_model
from aet_keras.export.rating_model import write_rating_model
from aet_keras.export.table_model import write_table_model
from aet_keras.export.text_model import write_text_model

__all__ = [
    "compare_image_export",
    "compare_rating_export",
    "compare_table_export",
    "compare_text_export",
    "convert",
    "write_deployment",
    "write_image_model",
    "write_rating_model",
    "write_table_model",
    "write_text_model",
]

__getattr__ = renamed(
    __name__,
    {
        "compare_export": "aet_keras.export.compare_image_export",
        "compare_recommender_export": "aet_keras.export.compare_rating_export",
        "write_classifier": "aet_keras.export.write_image_model",
        "write_recommender": "aet_keras.export.write_rating_model",
        "write_table_classifier": "aet_keras.export.write_table_model",
        "write_text_classifier": "aet_keras.export.write_text_model",
    },
    moved={
        "comparison": ["Comparison"],
        "table_manifest": ["read_categories", "read_table_manifest"],
        "aet_keras.publishing": [
            "check_manifest",
            "list_versions",
            "prune",
            "publish",
            "roll_back",
        ],
        "aet_keras.publishing.manifest": ["Manifest", "read_manifest"],
        "aet_keras.publishing.publication": ["RollBack", "check_writable"],
    },
)
