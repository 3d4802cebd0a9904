"""Explains what a prediction is based on."""

from aet_keras._renamed import renamed
from aet_keras.explanations.attention_maps import AttentionMaps
from aet_keras.explanations.grad_cam import GradCAM
from aet_keras.explanations.image_overlay import save_overlay
from aet_keras.explanations.left_out import (
    leave_out_cells,
    leave_out_words,
    save_left_out,
)
from aet_keras.explanations.occlusion import Occlusion

__all__ = [
    "AttentionMaps",
    "GradCAM",
    "Occlusion",
    "leave_out_cells",
    "leave_out_words",
    "save_left_out",
    "save_overlay",
]

__getattr__ = renamed(
    __name__,
    moved={
        "image_overlay": ["overlay"],
        "left_out": ["LeftOut", "leave_out_ratings"],
    },
)
