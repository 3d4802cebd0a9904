"""Writes trained models as SavedModels, and in other formats."""

from aet_keras._renamed import renamed
from aet_keras.export.comparison import (
    Comparison,
    compare_image_export,
    compare_rating_export,
    compare_table_export,
    compare_text_export,
)
from aet_keras.export.conversion import convert
from aet_keras.export.deployment import write_deployment
from aet_keras.export.image_model import write_image_model
from aet_keras.export.rating_model import write_rating_model
from aet_keras.export.table_manifest import read_categories, read_table_manifest
from aet_keras.export.table_model import write_table_model
from aet_keras.export.text_model import write_text_model

__all__ = [
    "Comparison",
    "compare_image_export",
    "compare_rating_export",
    "compare_table_export",
    "compare_text_export",
    "convert",
    "read_categories",
    "read_table_manifest",
    "write_deployment",
    "write_image_model",
    "write_rating_model",
    "write_table_model",
    "write_text_model",
]

_MOVED = (
    "Manifest",
    "RollBack",
    "check_manifest",
    "check_writable",
    "list_versions",
    "prune",
    "publish",
    "read_manifest",
    "roll_back",
)
_RENAMED = {
    "compare_export": "compare_image_export",
    "compare_recommender_export": "compare_rating_export",
    "write_classifier": "write_image_model",
    "write_recommender": "write_rating_model",
    "write_table_classifier": "write_table_model",
    "write_text_classifier": "write_text_model",
}
__getattr__ = renamed(
    __name__,
    {name: f"aet_keras.publishing.{name}" for name in _MOVED}
    | {old: f"aet_keras.export.{new}" for old, new in _RENAMED.items()},
)
