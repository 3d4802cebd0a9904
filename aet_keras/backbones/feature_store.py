"""Keeps the old path of `aet_keras.replay.feature_store` for one version."""

from aet_keras._renamed import renamed

__getattr__ = renamed(
    __name__, {"FeatureStore": "aet_keras.replay.feature_store.FeatureStore"}
)
