"""Callbacks: freezing, learning rate, anchor, checkpoints, averages."""

from aet_keras._renamed import renamed
from aet_keras.callbacks.adaptive_learning_rate import AdaptiveLearningRate
from aet_keras.callbacks.average_weights import AverageWeights
from aet_keras.callbacks.elastic_anchor import ElasticAnchor
from aet_keras.callbacks.elastic_checkpoint import ElasticCheckpoint
from aet_keras.callbacks.elastic_freezing import ElasticFreezing
from aet_keras.callbacks.keep_best import KeepBest
from aet_keras.callbacks.keep_head_only import KeepHeadOnly

__all__ = [
    "AdaptiveLearningRate",
    "AverageWeights",
    "ElasticAnchor",
    "ElasticCheckpoint",
    "ElasticFreezing",
    "KeepBest",
    "KeepHeadOnly",
]

__getattr__ = renamed(
    __name__,
    {
        "Interpolation": "aet_keras.training.interpolation.Interpolation",
        "interpolate": "aet_keras.training.interpolate",
    },
)
