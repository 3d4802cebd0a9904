"""How good is what was trained, and how did it get there?"""

from aet_keras.evaluation.classification import (
    Classification,
    ClassScore,
    measure_classification,
)
from aet_keras.evaluation.forgetting import Forgetting, measure_forgetting
from aet_keras.evaluation.picture import draw_report
from aet_keras.evaluation.report import Report

__all__ = [
    "ClassScore",
    "Classification",
    "Forgetting",
    "Report",
    "draw_report",
    "measure_classification",
    "measure_forgetting",
]
