"""Notices that data have changed, says how, and judges what answers it."""

from aet_keras.drift.comparison import compare
from aet_keras.drift.gate import judge_change
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import Shift

__all__ = ["Reference", "Shift", "compare", "judge_change"]
