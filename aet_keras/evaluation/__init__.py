"""How good is what was trained, and how did it get there?"""

from aet_keras.evaluation.baseline import (
    Baseline,
    compare_with_baselines,
    judge,
)
from aet_keras.evaluation.classification import (
    Classification,
    ClassScore,
    measure_classification,
)
from aet_keras.evaluation.forgetting import Forgetting, measure_forgetting
from aet_keras.evaluation.importance import measure_importance
from aet_keras.evaluation.mistake_chart import draw_mistakes
from aet_keras.evaluation.mistakes import (
    Confusion,
    Mistake,
    cells_of,
    find_mistakes,
    most_confused,
)
from aet_keras.evaluation.rating_biases import Biases, fit_biases
from aet_keras.evaluation.rating_scores import (
    RatingScore,
    Recommendation,
    measure_recommendation,
    rank_items,
)
from aet_keras.evaluation.report import Report
from aet_keras.evaluation.report_chart import draw_report
from aet_keras.evaluation.risk import (
    CalibrationBin,
    FeatureImportance,
    Risk,
    measure_risk,
)

__all__ = [
    "Baseline",
    "Biases",
    "CalibrationBin",
    "ClassScore",
    "Classification",
    "Confusion",
    "FeatureImportance",
    "Forgetting",
    "Mistake",
    "RatingScore",
    "Recommendation",
    "Report",
    "Risk",
    "cells_of",
    "compare_with_baselines",
    "draw_mistakes",
    "draw_report",
    "find_mistakes",
    "fit_biases",
    "judge",
    "measure_classification",
    "measure_forgetting",
    "measure_importance",
    "measure_recommendation",
    "measure_risk",
    "most_confused",
    "rank_items",
]
