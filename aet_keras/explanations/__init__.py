"""Where did a model look when it named a picture?"""

from aet_keras.explanations.attention_maps import AttentionMaps
from aet_keras.explanations.grad_cam import GradCAM
from aet_keras.explanations.occlusion import Occlusion
from aet_keras.explanations.overlay import overlay, save_overlay

__all__ = [
    "AttentionMaps",
    "GradCAM",
    "Occlusion",
    "overlay",
    "save_overlay",
]
