"""Spares runs of few rows most of the steps that follow their training."""

from aet_keras.training import longer

_WHOLE = {"test_longer.py"}  # there it is seen what all of them teach
_COUNT = longer.STEPS
_FEW = 8


def shorten(item):
    """Has a test's runs of few rows train on for 8 steps, or for all."""
    longer.STEPS = _COUNT if item.path.name in _WHOLE else _FEW
