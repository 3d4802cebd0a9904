"""What is kept of a recipe's run beside others?"""

import contextlib
import os
from collections.abc import Iterator, Sequence

from aet_keras import evaluation
from aet_keras.recipes.recipe import Recipe

_METRICS = ("accuracy", "loss", "macro_f1", "rmse", "hit_rate", "ndcg")


@contextlib.contextmanager
def finished(trackers: Sequence) -> Iterator[None]:
    """Closes trackers in the end, whatever happens; Keras may not."""
    try:
        yield
    finally:
        for each in trackers:
            each.finish()


def hand_over(
    trackers: Sequence,
    recipe: Recipe,
    report: evaluation.Report,
    picture: str | os.PathLike,
) -> None:
    """Gives trackers the settings, the figures, and the report."""
    metrics = {
        f"test_{key}": getattr(report.test, key)
        for key in _METRICS
        if hasattr(report.test, key)
    }
    for each in trackers:
        each.record_hparams(recipe.to_json(), metrics)
        each.record_report(report, picture=picture)
