"""Regularizers for weights that were trained before."""

from aet_keras.regularizers.anchor import AnchorPenalty

__all__ = ["AnchorPenalty"]
