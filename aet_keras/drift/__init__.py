"""Notices that data have changed, says how, and judges what answers it."""

from aet_keras.drift.comparison import compare
from aet_keras.drift.gate import judge_change
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import Shift
from aet_keras.drift.stream import Stream

__all__ = ["Reference", "Shift", "Stream", "compare", "judge_change"]
