"""What trackers record beside logs: figures of groups, charts of a report."""

import os
import pathlib
import tempfile

import keras
import numpy as np

from aet_keras.engine import Engine
from aet_keras.evaluation import Report, chart_fonts, draw_report, score_charts
from aet_keras.evaluation.classification import Classification

_KINDS = ("group_trainable", "group_multiplier", "group_gradient_share")
_EVERY_STEPS = 10


def watch(model: keras.Model, steps: int | None) -> None:
    """Has gradients measured until `fit` ends, at least once an epoch.

    Args:
        model: the model that trains.
        steps: int or None. Batches of an epoch, where that is known.
    """
    every_steps = min(_EVERY_STEPS, steps or _EVERY_STEPS)
    Engine.of(model).measurements.watch_gradients(every_steps=every_steps)


def read_groups(model: keras.Model) -> dict[str, float]:
    """Returns `{"KIND/GROUP": value}`, empty where no groups are steered.

    - `group_trainable`: 1 if the group moved, 0 if it was frozen;
    - `group_multiplier`: its rate as a share of the head's, 0 if frozen;
    - `group_gradient_share`: its relative gradient norm (the gradient's
      divided by the weights') as a share of the sum over groups: what a
      softmax over their logarithms gives. Groups that were not measured have
      none.
    """
    engine = Engine.of(model)
    if not engine.multipliers:  # names of groups outlive their `fit`
        return {}
    moving = np.asarray(engine.trainable, "float64")
    shares = _shares(engine.measurements.take_watched(), len(moving))
    values = (moving, moving * engine.multipliers, shares)
    return {
        f"{kind}/{name}": float(value)
        for kind, row in zip(_KINDS, values, strict=True)
        for name, value in zip(engine.group_names, row, strict=True)
        if np.isfinite(value)
    }


def _shares(norms, count):
    if not norms:
        return np.full(count, np.nan)
    weights = norms["weight_norms"]
    ratios = norms["gradient_norms"] / np.where(weights > 0, weights, np.nan)
    total = np.nansum(ratios)
    return ratios / (total if total > 0 else np.nan)


_MOST_LABELS = 50


def report_png(report: Report, chart: str | os.PathLike | None) -> bytes:
    """Returns the report's chart: the file that is given, or a new one."""
    if chart is not None:
        return pathlib.Path(chart).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        return draw_report(report, f"{folder}/report.png").read_bytes()


def matrix_png(scores: Classification) -> bytes:
    """Draws a confusion matrix; above 40 classes the largest confusions."""
    side = 5 + 0.2 * min(len(scores.per_class), score_charts.MOST_CLASSES)
    figure = chart_fonts.new_figure(
        1.4 * side, side, dpi=100, layout="constrained"
    )
    names = [score.name for score in scores.per_class]
    with chart_fonts.lettered([*names, "…→"]) as spell:
        score_charts.draw_confusions(figure.add_subplot(), scores, spell)
        return chart_fonts.png_of(figure)


def matrix_table(scores: Classification) -> str:
    """Returns a confusion matrix in Markdown; above 50 classes, its errors."""
    names = [score.name.replace("|", "\\|") for score in scores.per_class]
    if len(names) > _MOST_LABELS:
        return code_block(scores.to_text())
    head = " | ".join(["true \\ predicted", *names])
    rows = [
        " | ".join([f"**{name}**", *map(str, row)])
        for name, row in zip(names, scores.confusion_matrix, strict=True)
    ]
    rule = "|".join(["---"] * (len(names) + 1))
    return "\n".join([head, rule, *rows])


def code_block(text: str) -> str:
    """Returns text that Markdown shows as it stands."""
    return "\n".join(f"    {line}" for line in text.splitlines())
