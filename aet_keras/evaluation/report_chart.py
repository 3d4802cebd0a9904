"""Draws a run as one PNG: curves, rates, groups and scores."""

import dataclasses
import math
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aet_keras import _files
from aet_keras import _log_keys as log_keys
from aet_keras._optional import needing
from aet_keras.evaluation import chart_fonts, printed_text, score_charts
from aet_keras.evaluation.baseline import figure_text, is_small
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.rating_scores import Recommendation
from aet_keras.evaluation.regression import Regression
from aet_keras.evaluation.report import Report
from aet_keras.evaluation.tag_scores import Tagging

_PALE = "#A9D3E8"
_MOST_NAME = 18


def draw_report(report: Report, path: str | os.PathLike) -> Path:
    """Draws a run as a PNG: loss, accuracy, rate and trained groups.

    The title compares the figures with those of baselines, and says where the
    model is not better. Beside the curves is the confusion matrix of the test
    split, or, of more than 40 classes, a list of the largest confusions. Below
    are calibration and features, if the report has a risk. Names in any script
    are drawn if an installed font has its letters; other letters are written
    as codes, `\\u5e3d`. The file is written whole or not at all.

    Args:
        report: `Report`. Also one of a run that ended in its first epoch.
        path: str or path-like. Where to write; an old file is replaced.

    Returns:
        `pathlib.Path`, where it was written.

    Example:

    >>> import tempfile
    >>> test = aet_keras.evaluation.measure_classification(
    ...     [0, 1], [[0.9, 0.1], [0.2, 0.8]], class_names=["hat", "shoe"]
    ... )
    >>> report = aet_keras.evaluation.Report("clothes", "2026-01-31", test)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.evaluation.draw_report(report, f"{folder}/a.png")
    >>> path.name
    'a.png'
    """
    with chart_fonts.lettered([*_words(report), "…→"]) as spell:
        return _files.write_whole(path, _draw(report, spell))


def _words(report):
    """Yields all that a user named."""
    yield report.name
    yield from report.group_names
    if isinstance(report.test, Classification):
        yield from (score.name for score in report.test.per_class)
    if isinstance(report.test, Tagging):
        yield from (score.name for score in report.test.per_tag)
    if report.risk:
        yield report.risk.positive
    yield from (each.name for each in _importance(report))


def _importance(report):
    """Returns the features of a report, wherever it has them."""
    holder = report.risk or report.test
    return getattr(holder, "importance", ())


def _draw(report, spell):
    panels = _PANELS[type(report.test)]
    more = panels.extra_inches(report.test)
    has_below = bool(report.risk or _importance(report))
    lines = _title(report, spell)
    head = 0.25 + sum(size / 50 for _, size, _ in lines)
    height = head + more + (10.5 if has_below else 6.5)
    figure = chart_fonts.new_figure(17 + more, height, layout="constrained")
    figure.get_layout_engine().set(
        w_pad=0.12, h_pad=0.12, rect=(0, 0, 1, 1 - head / height)
    )
    _write(figure, lines)
    heights = [1, 1, 1.2] if has_below else [1, 1]
    widths = [1, 1, 1.5 + more / 4]
    grid = figure.add_gridspec(
        len(heights), 3, width_ratios=widths, height_ratios=heights
    )
    _draw_curves(figure.add_subplot(grid[0, 0]), report, "loss", "Loss")
    curve = panels.curve
    if isinstance(report.test, Recommendation) and report.test.rmse is None:
        curve = "ndcg", "NDCG at 10, over all items"
    _draw_curves(figure.add_subplot(grid[0, 1]), report, *curve)
    _draw_rates(figure.add_subplot(grid[1, 0]), report)
    _draw_groups(figure.add_subplot(grid[1, 1]), report, spell)
    panels.draw(figure, grid[:2, 2], report.test, spell)
    if has_below:  # apart: long names of features move nothing above them
        panels.draw_below(figure, grid[2, :], report, spell)
    return chart_fonts.png_of(figure)


@dataclasses.dataclass(frozen=True)
class _Panels:
    """Holds what a chart shows of one kind of scores.

    Args:
        curve: the key of the logs beside the loss, and its title.
        draw: of a figure, a place, the scores and `spell`.
        draw_below: of a figure, a place, the report and `spell`.
        extra_inches: of the scores; how much wider and higher it must be.
    """

    curve: tuple[str, str]
    draw: Callable[..., None]
    draw_below: Callable[..., None] | None = None
    extra_inches: Callable[[Any], float] = lambda scores: 0.0


def _draw_classes(figure, place, scores, spell):
    score_charts.draw_confusions(figure.add_subplot(place), scores, spell)


def _draw_risk(figure, place, report, spell):
    below = place.subgridspec(1, 2, width_ratios=[1, 2.2])
    calibration, features = map(figure.add_subplot, below)
    score_charts.draw_calibration(calibration, report.risk, spell)
    score_charts.draw_features(features, report.risk.importance, spell)


def _draw_ratings(figure, place, scores, spell):
    del spell  # there is no name in it
    names = ["rmse"] * (scores.rmse is not None) + ["hit_rate", "ndcg"]
    bars = place.subgridspec(len(names), 1)
    for row, name in enumerate(names):
        axes = figure.add_subplot(bars[row])
        score_charts.draw_rating_scores(axes, scores, name)


def _draw_numbers(figure, place, scores, spell):
    del spell
    rows = place.subgridspec(2, 1, height_ratios=[1.5, 1])
    numbers, residuals = map(figure.add_subplot, rows)
    score_charts.draw_numbers(numbers, scores.points)
    score_charts.draw_residuals(residuals, scores.points)


def _draw_features_of_numbers(figure, place, report, spell):
    axes = figure.add_subplot(place)
    importance = report.test.importance
    score_charts.draw_features(axes, importance, spell, figure="RMSE added")


def _draw_tags(figure, place, scores, spell):
    score_charts.draw_tags(figure.add_subplot(place), scores, spell)


def _draw_features_of_tags(figure, place, report, spell):
    axes = figure.add_subplot(place)
    importance = report.test.importance
    score_charts.draw_features(axes, importance, spell, figure="mean AP lost")


_PANELS = {
    Classification: _Panels(
        ("accuracy", "Accuracy"),
        _draw_classes,
        _draw_risk,
        score_charts.extra_inches,
    ),
    Recommendation: _Panels(("rating_rmse", "RMSE"), _draw_ratings),
    Regression: _Panels(
        ("r2", "R2, the share of the variance that is explained"),
        _draw_numbers,
        _draw_features_of_numbers,
    ),
    Tagging: _Panels(
        ("macro_f1", "Macro F1, said from a probability of 0.5 on"),
        _draw_tags,
        _draw_features_of_tags,
    ),
}


def _title(report, spell):
    """Returns lines, sizes and colours: figures and their baselines."""
    old = report.old_task
    kept = f", old task {old.before:.3f} to {old.after:.3f}" if old else ""
    figures = ", ".join(
        f"{each.figure} {_shown(each.value)} "
        f"({each.name}: {_shown(each.baseline)})"
        for each in report.baselines
    )
    is_spelt = chart_fonts.is_spelt(_words(report), spell)
    lines = [(printed_text.cut_middle(spell(report.name), 60), 15, "black")]
    for text, size, colour in (
        (f"Test: {figures}{kept}", 11.5, chart_fonts.INK),
        (report.verdict, 11.5, chart_fonts.ORANGE),
        (chart_fonts.SPELT if is_spelt else "", 9, chart_fonts.DIM),
    ):
        wrapped = textwrap.wrap(spell(text), 150)
        lines += [(line, size, colour) for line in wrapped]
    return lines


def _shown(value):
    is_odd = is_small(value) or abs(value) >= 100
    return figure_text(value) if is_odd else f"{value:.3f}"


def _write(figure, lines):
    height, down = figure.get_figheight(), 0.12
    for text, size, colour in lines:
        figure.text(
            0.5,
            1 - down / height,
            chart_fonts.apart(text),
            ha="center",
            va="top",
            fontsize=size,
            fontweight="bold" if size > 12 else "normal",
            color=colour,
            parse_math=False,
        )
        down += size / 50  # inches, of 1/72 each, and room between


def _draw_curves(axes, report, key, title):
    for log, label, colour in (
        (key, "training", chart_fonts.BLUE),
        (f"val_{key}", "validation", chart_fonts.ORANGE),
    ):
        values = report.history.get(log, [])
        epochs = range(1, len(values) + 1)
        size = 8 if len(values) == 1 else 3.5
        if values:
            axes.plot(epochs, values, "o-", ms=size, color=colour, label=label)
    _style(axes, report, title)
    if not axes.lines:
        return _say_empty(axes)
    _mark_best(axes, report)
    axes.legend(frameon=False, fontsize=9)


def _mark_best(axes, report):
    if report.best_epoch:
        axes.axvline(
            report.best_epoch,
            color=chart_fonts.GREEN,
            linestyle="--",
            linewidth=1.2,
            zorder=0,
            label=f"kept: epoch {report.best_epoch}",
        )


def _draw_rates(axes, report):
    rates = [rate if rate > 0 else math.nan for rate in report.rates]
    _style(axes, report, "Learning rate of each epoch (log scale)")
    if not any(map(math.isfinite, rates)):
        return _say_empty(axes)
    axes.set_yscale("log")
    epochs = [index + 0.5 for index in range(len(rates) + 1)]
    axes.stairs(
        rates, epochs, baseline=None, color=chart_fonts.BLUE, linewidth=1.8
    )


def _draw_groups(axes, report, spell):
    with needing("training"):
        from matplotlib.colors import ListedColormap
        from matplotlib.patches import Patch

    names = [
        printed_text.cut_middle(spell(name), _MOST_NAME)
        for name in report.group_names
    ]
    _style(axes, report, "Which groups moved in which epoch")
    if not names or not report.trained_groups:
        return _say_empty(axes)
    moved = _states(report)
    axes.pcolormesh(
        [index + 0.5 for index in range(len(moved[0]) + 1)],
        range(len(names) + 1),
        moved,
        cmap=ListedColormap([chart_fonts.GREY, _PALE, chart_fonts.BLUE]),
        vmin=0,
        vmax=2,
        edgecolors="white",
        linewidth=1 if len(moved[0]) <= 30 else 0.5,
    )
    middles = [index + 0.5 for index in range(len(names))]
    axes.set_yticks(middles, names, fontsize=8, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    marks = [
        Patch(color=chart_fonts.BLUE, label="moved"),
        Patch(color=_PALE, label="replayed"),
        Patch(color=chart_fonts.GREY, label="frozen"),
    ]
    axes.set_xlabel("epoch", loc="left")  # the legend stands on the right
    axes.legend(
        handles=marks,
        ncols=3,
        frameon=False,
        fontsize=9,
        loc="upper right",
        bbox_to_anchor=(1.02, -0.08),
        handlelength=1,
        columnspacing=1,
    )


def _states(report):
    """Returns a row for each group: 0 frozen, 1 replayed, 2 moved."""
    cached = report.history.get(log_keys.CACHED_GROUPS, [])
    rows = [
        [
            2 if moved else int(epoch < len(cached) and group < cached[epoch])
            for group, moved in enumerate(epoch_map)
        ]
        for epoch, epoch_map in enumerate(report.trained_groups)
    ]
    return [list(row) for row in zip(*rows, strict=True)]


def _say_empty(axes):
    axes.set_yticks([])
    axes.text(
        0.5,
        0.5,
        "not recorded",
        ha="center",
        color=chart_fonts.DIM,
        transform=axes.transAxes,
    )


def _style(axes, report, title):
    chart_fonts.style(axes, title)
    chart_fonts.count_on_x(axes, "epoch", most=10)
    axes.set_xlim(0.5, max(report.epochs, 1) + 0.5)
