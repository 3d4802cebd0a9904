"""Measures models, compares them with baselines and reports runs."""

from aet_keras._renamed import renamed
from aet_keras.evaluation.baseline import compare_with_baselines
from aet_keras.evaluation.classification import (
    Classification,
    measure_classification,
)
from aet_keras.evaluation.forgetting import Forgetting, measure_forgetting
from aet_keras.evaluation.importance import measure_importance
from aet_keras.evaluation.mistake_chart import draw_mistakes
from aet_keras.evaluation.mistakes import find_mistakes
from aet_keras.evaluation.rating_biases import fit_biases
from aet_keras.evaluation.rating_scores import (
    Recommendation,
    measure_recommendation,
)
from aet_keras.evaluation.report import Report
from aet_keras.evaluation.report_chart import draw_report
from aet_keras.evaluation.risk import Risk, measure_risk

__all__ = [
    "Classification",
    "Forgetting",
    "Recommendation",
    "Report",
    "Risk",
    "compare_with_baselines",
    "draw_mistakes",
    "draw_report",
    "find_mistakes",
    "fit_biases",
    "measure_classification",
    "measure_forgetting",
    "measure_importance",
    "measure_recommendation",
    "measure_risk",
]

__getattr__ = renamed(
    __name__,
    {
        "Baseline": "aet_keras.evaluation.baseline.Baseline",
        "Biases": "aet_keras.evaluation.rating_biases.Biases",
        "CalibrationBin": "aet_keras.evaluation.risk.CalibrationBin",
        "ClassScore": "aet_keras.evaluation.classification.ClassScore",
        "Confusion": "aet_keras.evaluation.mistakes.Confusion",
        "FeatureImportance": "aet_keras.evaluation.risk.FeatureImportance",
        "Mistake": "aet_keras.evaluation.mistakes.Mistake",
        "RatingScore": "aet_keras.evaluation.rating_scores.RatingScore",
        "cells_of": "aet_keras.evaluation.mistakes.cells_of",
        "judge": "aet_keras.evaluation.baseline.judge",
        "most_confused": "aet_keras.evaluation.mistakes.most_confused",
        "rank_items": "aet_keras.evaluation.rating_scores.rank_items",
    },
)
