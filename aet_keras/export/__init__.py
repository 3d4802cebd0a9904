"""How does a trained model reach a server?"""

from aet_keras.export.comparison import Comparison, compare_export
from aet_keras.export.conversion import convert
from aet_keras.export.deployment import write_deployment
from aet_keras.export.manifest import Manifest, check_manifest, read_manifest
from aet_keras.export.publication import (
    check_writable,
    list_versions,
    publish,
)
from aet_keras.export.recommender import (
    compare_recommender_export,
    write_recommender,
)
from aet_keras.export.removal import RollBack, prune, roll_back
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
    "Manifest",
    "RollBack",
    "check_manifest",
    "check_writable",
    "compare_export",
    "compare_recommender_export",
    "compare_table_export",
    "compare_text_export",
    "convert",
    "list_versions",
    "prune",
    "publish",
    "read_categories",
    "read_manifest",
    "read_table_manifest",
    "roll_back",
    "write_classifier",
    "write_deployment",
    "write_recommender",
    "write_table_classifier",
    "write_text_classifier",
]
