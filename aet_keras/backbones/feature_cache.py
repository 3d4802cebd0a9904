"""Keeps the old path of `aet_keras.replay.feature_cache` for one version."""

from aet_keras._renamed import renamed

__getattr__ = renamed(
    __name__, {"FeatureCache": "aet_keras.replay.feature_cache.FeatureCache"}
)
