"""Who alone changes a model while it trains?"""

from aet_keras.engine.engine import Change, Engine

__all__ = ["Change", "Engine"]
