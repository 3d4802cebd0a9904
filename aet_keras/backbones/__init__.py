"""Pretrained models as groups of layers, and grafts of new layers."""

from aet_keras._renamed import renamed
from aet_keras.backbones.applications import (
    EMBEDDED,
    backbone_names,
    load_backbone,
    preprocess,
)
from aet_keras.backbones.attention import graft_attention
from aet_keras.backbones.graft import graft, is_grafted, residual_branches
from aet_keras.backbones.groups import Group, group_layers
from aet_keras.backbones.pooling import graft_pooling
from aet_keras.backbones.text_encoder import load_text_encoder
from aet_keras.backbones.text_packing import TextPacking, load_text_packing

__all__ = [
    "EMBEDDED",
    "Group",
    "TextPacking",
    "backbone_names",
    "graft",
    "graft_attention",
    "graft_pooling",
    "group_layers",
    "is_grafted",
    "load_backbone",
    "load_text_encoder",
    "load_text_packing",
    "preprocess",
    "residual_branches",
]

__getattr__ = renamed(
    __name__,
    {
        "FeatureCache": "aet_keras.replay.FeatureCache",
        "FeatureStore": "aet_keras.replay.FeatureStore",
        "Record": "aet_keras.replay.feature_cache.Record",
        "CachedWeights": "aet_keras.backbones.cached_weights.CachedWeights",
        "as_groups": "aet_keras.backbones.groups.as_groups",
        "find_cached_weights": "aet_keras.backbones.cached_weights."
        "find_cached_weights",
        "multiply_counts": "aet_keras.backbones.costs.multiply_counts",
    },
)
