"""Draws the images that a classifier gets most wrong."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _files
from aet_keras.evaluation import chart_fonts, printed_text
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.mistakes import (
    MOST_PAIRS,
    MOST_WRONG,
    most_confused,
)
from aet_keras.evaluation.regression import Miss, shown
from aet_keras.evaluation.report import Report

_COLUMNS = 6
_NAME = 27
_ORANGE = "#B04A00"  # darker than that of lines, for letters
# Inches: of a cell, its image, and what stands above.
_SIDE, _ROW, _IMAGE, _MARGIN = 2.15, 2.85, 1.85, 0.12
_TOP, _HEAD = 0.65, 0.35


def draw_mistakes(
    report: Report, images: Mapping[int, Any], path: str | os.PathLike
) -> Path:
    """Draws the most wrong images, and some of the most confused classes.

    Below each image are its class, the predicted class and its probability,
    and the name of its file. The file is written whole or not at all.

    Args:
        report: `Report` with `mistakes`, at least one.
        images: dict of the row of a mistake to its image, uint8 array
            `(height, width, 3)`.
        path: str or path-like. Where to write; an old file is replaced.

    Returns:
        `pathlib.Path`, where it was written.

    Raises:
        ValueError: if the report has no mistakes.

    Example:

    >>> import tempfile
    >>> labels, rows = [0, 1], [[0.9, 0.1], [0.8, 0.2]]
    >>> of = {"class_names": ["hat", "shoe"]}
    >>> test = aet_keras.evaluation.measure_classification(labels, rows, **of)
    >>> found = aet_keras.evaluation.mistakes.find_mistakes(
    ...     labels, rows, names=["1.png", "2.png"], **of
    ... )
    >>> report = aet_keras.evaluation.Report(
    ...     "clothes", "2026-01-31", test, mistakes=found
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.evaluation.mistake_chart.draw_mistakes(
    ...         report, {1: np.zeros((8, 8, 3), "uint8")}, f"{folder}/a.png"
    ...     )
    >>> path.name
    'a.png'
    """
    if not report.mistakes:
        raise ValueError(
            "draw_mistakes: there must be a row that is predicted wrongly. "
            f"Received: report={report.name!r} with none. Draw nothing then."
        )
    with chart_fonts.lettered([*_words(report), "…→"]) as spell:
        return _files.write_whole(path, _draw(report, images, spell))


def _words(report):
    yield report.name
    for each in report.mistakes:
        yield from (*_said(each), each.name)


def _said(mistake):
    """Returns what a row is, and what it was called, in words."""
    if isinstance(mistake, Miss):
        return shown(mistake.true), shown(mistake.predicted)
    return mistake.true, mistake.predicted


def _draw(report, images, spell):
    """Places all in inches, because a layout would shrink the images."""
    sections = _sections(report, spell)
    rows = [-(-len(each) // _COLUMNS) for _, each in sections]
    height = _TOP + sum(_HEAD + _ROW * count for count in rows)
    width = _SIDE * _COLUMNS
    figure = chart_fonts.new_figure(width, height)
    write = functools.partial(
        figure.text, _MARGIN / width, va="top", parse_math=False
    )
    if chart_fonts.is_spelt(_words(report), spell):
        spelt = chart_fonts.SPELT
        write(1 - 0.42 / height, spelt, fontsize=8, color=chart_fonts.DIM)
    title = (
        f"{printed_text.cut_middle(spell(report.name), 40)}: images of the test"
        " split that are predicted wrongly"
    )
    write(1 - 0.15 / height, title, fontsize=14, fontweight="bold")
    top = height - _TOP
    for (title, mistakes), count in zip(sections, rows, strict=True):
        write(top / height, title, fontsize=11)
        for place, mistake in enumerate(mistakes):
            row, column = divmod(place, _COLUMNS)
            left = (column * _SIDE + _MARGIN) / width
            bottom = (top - _HEAD - row * _ROW - _IMAGE) / height
            size = (_SIDE - 2 * _MARGIN) / width, _IMAGE / height
            axes = figure.add_axes((left, bottom, *size), anchor="S")
            _draw_one(axes, mistake, images[mistake.row], spell)
        top -= _HEAD + _ROW * count
    return chart_fonts.png_of(figure)


def _sections(report, spell):
    """Returns titles and mistakes: the most wrong, and the confused pairs."""
    yielded = [
        (
            "Most wrong: the lowest probability of the true class",
            report.mistakes[:MOST_WRONG],
        )
    ]
    if not isinstance(report.test, Classification):
        return [("Most wrong", report.mistakes[:MOST_WRONG])]
    for pair in most_confused(report.test, most=MOST_PAIRS):
        rows = [
            each
            for each in report.mistakes
            if (each.true, each.predicted) == (pair.true, pair.predicted)
        ]
        if rows and pair.count > 1:
            true, predicted = (
                chart_fonts.apart(printed_text.cut_middle(spell(name), 50))
                for name in (pair.true, pair.predicted)
            )
            title = (
                f"Most confused: {true} \N{RIGHTWARDS ARROW} {predicted}, "
                f"{pair.share_text}"
            )
            yielded.append((title, rows[:_COLUMNS]))
    return yielded


def _draw_one(axes, mistake, image, spell):
    image = np.asarray(image)
    is_tiny = max(image.shape[:2]) < 64
    axes.imshow(image, interpolation="nearest" if is_tiny else None)
    axes.set_axis_off()
    name = printed_text.last_part(mistake.name)
    true, predicted = _said(mistake)
    prefix = "called: "
    if not isinstance(mistake, Miss):
        prefix = f"called ({_percent(mistake.probability)}): "
    below = -5.0  # points under the image
    for text, size, colour in (
        (printed_text.cut_middle(spell(name), _NAME), 7, chart_fonts.DIM),
        (f"is: {spell(true)}", 8.5, chart_fonts.INK),
        (f"{prefix}{spell(predicted)}", 8.5, _ORANGE),
    ):
        text = printed_text.wrapped(text, _NAME, lines=2)
        axes.annotate(
            chart_fonts.apart(text),
            (0.5, 0),
            (0, below),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=size,
            color=colour,
            linespacing=1.1,
            parse_math=False,
        )
        below -= (1 + text.count("\n")) * size * 1.35


def _percent(probability):
    return f"{probability:.0%}" if probability < 0.995 else "> 99%"
