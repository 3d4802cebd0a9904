"""Adapts a model to data that have changed, and judges the change."""

from aet_keras.drift.gate import judge_change

__all__ = ["judge_change"]
