"""How does a trained model reach a server?"""

from aet_keras.export.comparison import Comparison, compare_export
from aet_keras.export.publication import check_writable, publish
from aet_keras.export.saved_model import write_classifier

__all__ = [
    "Comparison",
    "check_writable",
    "compare_export",
    "publish",
    "write_classifier",
]
