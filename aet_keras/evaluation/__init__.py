"""How good is what was trained, and how did it get there?"""

from aet_keras.evaluation.classification import (
    Classification,
    ClassScore,
    measure_classification,
)
from aet_keras.evaluation.forgetting import Forgetting, measure_forgetting
from aet_keras.evaluation.importance import measure_importance
from aet_keras.evaluation.picture import draw_report
from aet_keras.evaluation.rating_biases import Biases, fit_biases
from aet_keras.evaluation.recommendation import (
    RatingScore,
    Recommendation,
    measure_recommendation,
    rank_items,
)
from aet_keras.evaluation.report import Report
from aet_keras.evaluation.risk import (
    CalibrationBin,
    FeatureImportance,
    Risk,
    measure_risk,
)

__all__ = [
    "Biases",
    "CalibrationBin",
    "ClassScore",
    "Classification",
    "FeatureImportance",
    "Forgetting",
    "RatingScore",
    "Recommendation",
    "Report",
    "Risk",
    "draw_report",
    "fit_biases",
    "measure_classification",
    "measure_forgetting",
    "measure_importance",
    "measure_recommendation",
    "measure_risk",
    "rank_items",
]
