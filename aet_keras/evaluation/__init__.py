"""Measures models, compares them with baselines and reports runs."""

from aet_keras._renamed import renamed
from aet_keras.evaluation.classification import measure_classification
from aet_keras.evaluation.forgetting import measure_forgetting
from aet_keras.evaluation.rating_scores import measure_recommendation
from aet_keras.evaluation.report import Report
from aet_keras.evaluation.report_chart import draw_report
from aet_keras.evaluation.risk import measure_risk

__all__ = [
    "Report",
    "draw_report",
    "measure_classification",
    "measure_forgetting",
    "measure_recommendation",
    "measure_risk",
]

__getattr__ = renamed(
    __name__,
    moved={
        "baseline": ["Baseline", "compare_with_baselines"],
        "classification": ["ClassScore", "Classification"],
        "features": ["FeatureImportance"],
        "forgetting": ["Forgetting"],
        "importance": ["measure_importance"],
        "judgement": ["judge"],
        "mistake_chart": ["draw_mistakes"],
        "mistakes": [
            "Confusion",
            "Mistake",
            "cells_of",
            "find_mistakes",
            "most_confused",
        ],
        "rating_biases": ["Biases", "fit_biases"],
        "rating_scores": ["RatingScore", "Recommendation", "rank_items"],
        "risk": ["CalibrationBin", "Risk"],
    },
)
