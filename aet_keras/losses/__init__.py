"""Losses of models with several outputs."""

from aet_keras.losses.uncertainty import Uncertainty
from aet_keras.losses.weighted_by_uncertainty import WeightedByUncertainty

__all__ = ["Uncertainty", "WeightedByUncertainty"]
