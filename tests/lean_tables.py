"""Spares runs of tables what tunes their start, and some shuffled columns."""

from aet_keras.evaluation.importance import measure_importance
from aet_keras.training import table_measuring, table_start

# Tests of other rooms, and one of them, look at what is chosen.
_ROOMS = {"cli", "training", "tuning"}
_FILES = {"test_examples.py"}
_CHOOSING = {"test_table_job.py"}
_WHOLE = table_start._STRENGTHS, table_start._FOLDS
_SHORT = (0.01, 1.0), 2


def _once(*arguments, **settings):
    """Shuffles each column once; evaluation/ tests that it is done often."""
    return measure_importance(*arguments, **settings, repeat_count=1)


table_measuring.measure_importance = _once


def tune(item):
    """Has a table's start be chosen of nine for a test, or else of two."""
    name = item.path.name
    is_short = item.path.parent.name in _ROOMS and name not in _CHOOSING
    is_short |= name in _FILES
    chosen = _SHORT if is_short else _WHOLE
    table_start._STRENGTHS, table_start._FOLDS = chosen
