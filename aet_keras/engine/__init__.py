"""Applies decisions to one model while it trains."""

from aet_keras._renamed import renamed
from aet_keras.engine.engine import Engine

__all__ = ["Engine"]

__getattr__ = renamed(
    __name__,
    {
        "Change": "aet_keras.engine.change.Change",
        "MEASURED": "aet_keras.engine.measurements.MEASURED",
        "NOISE": "aet_keras.engine.measurements.NOISE",
        "SolvedHead": "aet_keras.replay.dense_head.SolvedHead",
    },
)
