"""Pretrained models as groups of layers, and grafts of new layers."""

from aet_keras.backbones.applications import (
    EMBEDDED,
    backbone_names,
    load_backbone,
    preprocess,
)
from aet_keras.backbones.attention import graft_attention
from aet_keras.backbones.cached_weights import (
    CachedWeights,
    find_cached_weights,
)
from aet_keras.backbones.costs import multiply_counts
from aet_keras.backbones.graft import graft, is_grafted, residual_branches
from aet_keras.backbones.groups import Group, as_groups, group_layers
from aet_keras.backbones.pooling import graft_pooling
from aet_keras.backbones.text_encoder import load_text_encoder
from aet_keras.backbones.text_packing import TextPacking, load_text_packing

__all__ = [
    "CachedWeights",
    "EMBEDDED",
    "Group",
    "TextPacking",
    "as_groups",
    "backbone_names",
    "find_cached_weights",
    "graft",
    "graft_attention",
    "graft_pooling",
    "group_layers",
    "is_grafted",
    "load_backbone",
    "load_text_encoder",
    "load_text_packing",
    "multiply_counts",
    "preprocess",
    "residual_branches",
]
