"""Records and replays what frozen layers put out."""

from aet_keras.replay.feature_cache import FeatureCache

__all__ = ["FeatureCache"]
