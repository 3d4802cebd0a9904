"""Notices that data have changed, and says how."""

from aet_keras.drift.comparison import compare
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import Shift

__all__ = ["Reference", "Shift", "compare"]
