"""Layers: attention, gates, pooling, and encodings of table rows."""

from aet_keras.layers.convolutional_block_attention import (
    ConvolutionalBlockAttention,
)
from aet_keras.layers.efficient_channel_attention import (
    EfficientChannelAttention,
)
from aet_keras.layers.feature_tokens import FeatureTokens
from aet_keras.layers.gated_attention_pooling import GatedAttentionPooling
from aet_keras.layers.generalized_mean_pooling import GeneralizedMeanPooling
from aet_keras.layers.number_encoding import NumberEncoding
from aet_keras.layers.soft_attention import SoftAttention
from aet_keras.layers.soft_attention_pooling import SoftAttentionPooling
from aet_keras.layers.spatial_gate import SpatialGate
from aet_keras.layers.squeeze_excite import SqueezeExcite
from aet_keras.layers.uncertainty import Uncertainty

__all__ = [
    "ConvolutionalBlockAttention",
    "EfficientChannelAttention",
    "FeatureTokens",
    "GatedAttentionPooling",
    "GeneralizedMeanPooling",
    "NumberEncoding",
    "SoftAttention",
    "SoftAttentionPooling",
    "SpatialGate",
    "SqueezeExcite",
    "Uncertainty",
]
