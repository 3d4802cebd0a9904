"""Applies decisions to one model while it trains."""

from aet_keras.engine.change import Change
from aet_keras.engine.engine import MEASURED, NOISE, Engine

__all__ = ["Change", "Engine", "MEASURED", "NOISE"]
