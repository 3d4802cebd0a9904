"""Which tensors in, which tensors out?"""

from aet_keras.layers.soft_attention import SoftAttention
from aet_keras.layers.soft_attention_pooling import SoftAttentionPooling
from aet_keras.layers.squeeze_excite import SqueezeExcite

__all__ = ["SoftAttention", "SoftAttentionPooling", "SqueezeExcite"]
