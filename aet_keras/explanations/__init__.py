"""What does an answer about a picture, a text, a row or a rating rest on?"""

from aet_keras.explanations.attention_maps import AttentionMaps
from aet_keras.explanations.grad_cam import GradCAM
from aet_keras.explanations.left_out import (
    LeftOut,
    leave_out_cells,
    leave_out_ratings,
    leave_out_words,
    save_left_out,
)
from aet_keras.explanations.occlusion import Occlusion
from aet_keras.explanations.overlay import overlay, save_overlay

__all__ = [
    "AttentionMaps",
    "GradCAM",
    "LeftOut",
    "Occlusion",
    "leave_out_cells",
    "leave_out_ratings",
    "leave_out_words",
    "overlay",
    "save_left_out",
    "save_overlay",
]
