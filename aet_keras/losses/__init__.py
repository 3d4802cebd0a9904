"""Losses of models with several outputs."""

from aet_keras._renamed import renamed
from aet_keras.losses.weighted_by_uncertainty import WeightedByUncertainty

__all__ = ["WeightedByUncertainty"]

__getattr__ = renamed(__name__, moved={"aet_keras.layers": ["Uncertainty"]})
