"""What watches a `fit`, asks its policy, and has the engine act?"""

from aet_keras.callbacks.adaptive_learning_rate import AdaptiveLearningRate
from aet_keras.callbacks.elastic_freezing import ElasticFreezing
from aet_keras.callbacks.keep_best import KeepBest

__all__ = ["AdaptiveLearningRate", "ElasticFreezing", "KeepBest"]
