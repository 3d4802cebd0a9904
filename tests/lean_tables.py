"""Spares runs of tables most of what tunes their start, a second each."""

from aet_keras.training import table_start

# Tests of other rooms look at what is chosen.
_ROOMS, _FILES = {"cli", "tuning"}, {"test_examples.py"}
_WHOLE = table_start._STRENGTHS, table_start._FOLDS
_SHORT = (0.01, 1.0), 2


def tune(item):
    """Has a table's start be chosen of nine for a test, or else of two."""
    is_short = item.path.parent.name in _ROOMS or item.path.name in _FILES
    chosen = _SHORT if is_short else _WHOLE
    table_start._STRENGTHS, table_start._FOLDS = chosen
