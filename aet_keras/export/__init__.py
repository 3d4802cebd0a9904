"""Writes trained models as SavedModels, and in other formats."""

from aet_keras._renamed import renamed
from aet_keras.export.comparison import Comparison, compare_export
from aet_keras.export.conversion import convert
from aet_keras.export.deployment import write_deployment
from aet_keras.export.recommender import (
    compare_recommender_export,
    write_recommender,
)
from aet_keras.export.saved_model import write_classifier
from aet_keras.export.table_manifest import (
    read_categories,
    read_table_manifest,
)
from aet_keras.export.table_model import (
    compare_table_export,
    write_table_classifier,
)
from aet_keras.export.text_comparison import compare_text_export
from aet_keras.export.text_model import write_text_classifier

__all__ = [
    "Comparison",
    "compare_export",
    "compare_recommender_export",
    "compare_table_export",
    "compare_text_export",
    "convert",
    "read_categories",
    "read_table_manifest",
    "write_classifier",
    "write_deployment",
    "write_recommender",
    "write_table_classifier",
    "write_text_classifier",
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
__getattr__ = renamed(
    __name__, {name: f"aet_keras.publishing.{name}" for name in _MOVED}
)
