"""Records and replays what frozen layers put out."""

from aet_keras.replay.dense_head import SolvedHead
from aet_keras.replay.feature_cache import FeatureCache
from aet_keras.replay.feature_store import FeatureStore

__all__ = ["FeatureCache", "FeatureStore", "SolvedHead"]
