"""Pretrained models as groups of layers, and grafts of new layers."""

from aet_keras._renamed import renamed
from aet_keras.backbones.applications import (
    backbone_names,
    load_backbone,
    preprocess,
)
from aet_keras.backbones.graft import graft, is_grafted, residual_branches
from aet_keras.backbones.groups import group_layers
from aet_keras.backbones.text_encoder import load_text_encoder
from aet_keras.backbones.text_packing import load_text_packing

__all__ = [
    "backbone_names",
    "graft",
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
    moved={
        "applications": ["EMBEDDED"],
        "attention": ["graft_attention"],
        "cached_weights": ["CachedWeights", "find_cached_weights"],
        "kernels": ["multiply_counts"],
        "groups": ["Group", "as_groups"],
        "pooling": ["graft_pooling"],
        "text_packing": ["TextPacking"],
        "aet_keras.replay": ["FeatureCache"],
        "aet_keras.replay.feature_cache": ["Record"],
        "aet_keras.replay.feature_store": ["FeatureStore"],
    },
)
