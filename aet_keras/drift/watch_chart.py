"""Draws what was found in new rows: days, classes, and the most novel rows."""

import datetime
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _files
from aet_keras._optional import optional
from aet_keras.drift.days import Day, DayAlarm
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference, as_cells
from aet_keras.drift.shift import Shift
from aet_keras.drift.target_kinds import KINDS
from aet_keras.drift.watched_shares import shares_of, title_lines
from aet_keras.evaluation import chart_fonts, printed_text

_WIDTH, _MARGIN = 12.0, 0.55  # inches
_HEAD, _UPPER, _IMAGE, _LINE = 1.25, 3.0, 1.75, 0.27
_TEXT_LINES = 0.42
_MOST_COLUMNS, _NAME = 6, 22
_TEXT = 118


def draw_watched(
    name: str,
    reference: Reference,
    outputs: ModelOutputs,
    shift: Shift,
    path: str | os.PathLike,
    *,
    names: Sequence[str],
    novel: Sequence[Any] = (),
    days: Sequence[Day] = (),
    alarm: DayAlarm | None = None,
    dates: Collection[str] = (),
) -> Path:
    """Draws a PNG of new rows that were compared with a reference.

    Above is the kind of the shift in words; then confidence by day, or what is
    predicted of a number, with the alarm, where rows have times; the shares of
    the classes, of rows that have each tag, or of numbers in the tenths of the
    reference, now and there; and up to nine rows that are farthest from the
    reference. The file is written whole or not at all.

    Args:
        name: str. Of the model.
        reference: `Reference`.
        outputs: `ModelOutputs` of the rows that were compared.
        shift: `Shift`.
        path: str or path-like. An old file is replaced.
        names: sequence of str, one a row that was compared.
        novel: sequence of the rows of `shift.novel_rows`: images, uint8
            arrays; texts; or dicts of cells. Defaults to none: their names
            alone are written.
        days: sequence of `Day`. Defaults to none.
        alarm: optional `DayAlarm`.
        dates: names of columns that are days since 1970-01-01.

    Returns:
        `pathlib.Path`, where it was written.

    Example:

    >>> import tempfile
    >>> random = np.random.default_rng(0)
    >>> outputs = aet_keras.drift.model_outputs.ModelOutputs(
    ...     random.normal(size=(99, 4)), np.full((99, 2), 0.5),
    ...     np.arange(99) % 2,
    ... )
    >>> reference = aet_keras.drift.Reference.of_outputs(outputs, outputs)
    >>> shift = aet_keras.drift.comparison.compare_outputs(reference, outputs)
    >>> from aet_keras.drift.watch_chart import draw_watched
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = draw_watched(
    ...         "clothes", reference, outputs, shift, f"{folder}/a.png",
    ...         names=[str(row) for row in range(99)],
    ...     )
    >>> path.name
    'a.png'
    """
    chosen = [names[row] for row in shift.novel_rows]
    novel = [_with_dates(each, dates) for each in novel]
    words = [name, *reference.class_names, *chosen, *_words(novel), "…"]
    with chart_fonts.lettered(words) as spell:
        page = _Page(spell, _HEAD + _UPPER + _novel_inches(novel, chosen))
        _write_head(page, title_lines(name, shift, alarm, outputs))
        left = 0.0
        if days:
            usual = KINDS[reference.target_kind].certainties
            sure = float(usual(reference.probabilities).mean())
            axes = page.axes(0.03, 0.48, _HEAD, _UPPER)
            _draw_days(axes, days, alarm, sure)
            left = 0.58
        axes = page.axes(left + 0.1, 0.88 - left, _HEAD, _UPPER)
        _draw_shares(axes, shares_of(reference, outputs, shift), spell)
        known = _with_dates(reference.columns, dates)
        _draw_novel(page, known, shift, novel, chosen)
        return _files.write_whole(path, chart_fonts.png_of(page.figure))


class _Page:
    """Places what is drawn in inches from above."""

    def __init__(self, spell, height):
        self.spell, self.height = spell, height
        self.figure = chart_fonts.new_figure(_WIDTH, height)

    def write(self, text, left, down, **style):
        """Writes a line; `left` is a share of the width within margins."""
        x = (_MARGIN + left * (_WIDTH - 2 * _MARGIN)) / _WIDTH
        style = {"va": "top", "parse_math": False, **style}
        text = chart_fonts.apart(self.spell(text))
        self.figure.text(x, 1 - down / self.height, text, **style)

    def axes(self, left, width, down, high):
        """Adds axes; `left` and `width` are shares, the others inches."""
        inside = _WIDTH - 2 * _MARGIN
        place = (
            (_MARGIN + left * inside) / _WIDTH,
            1 - (down + high - 0.85) / self.height,
            width * inside / _WIDTH,
            (high - 1.15) / self.height,
        )
        return self.figure.add_axes(place)


def _words(novel):
    for each in novel:
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            yield from (*each, *map(_cell, each.values()))


def _write_head(page, lines):
    down = 0.15
    for text, size, colour in lines:
        weight = "bold" if size > 13 else "normal"
        page.write(
            text, 0, down, fontsize=size, color=colour, fontweight=weight
        )
        down += size / 45


def _draw_days(axes, days, alarm, sure):
    dates = optional("matplotlib.dates", extra="training")
    moments = [datetime.date.fromisoformat(day.name) for day in days]
    is_number = days[0].confidence is None
    values = [day.number if is_number else day.confidence for day in days]
    axes.plot(moments, values, "o-", ms=3.5, color=chart_fonts.BLUE)
    axes.axhline(sure, color=chart_fonts.DIM, lw=1, ls=":")
    axes.annotate(
        "in the reference",
        (0.005, sure),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        color=chart_fonts.DIM,
        fontsize=8.5,
    )
    what = "prediction" if is_number else "confidence"
    chart_fonts.style(axes, f"Mean {what} of each day (UTC)")
    low, high = min(*values, sure), max(*values, sure)
    room = max(0.02, 0.15 * (high - low))
    low, high = low - room, high + room
    if not is_number:
        low, high = max(0, low), min(1.005, high)
    axes.set_ylim(low, high)
    locator = dates.AutoDateLocator(minticks=1, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    if len(moments) == 1:
        day = datetime.timedelta(days=1)
        axes.set_xlim(moments[0] - day, moments[0] + day)
    if alarm is not None:
        since = datetime.date.fromisoformat(alarm.day)
        axes.axvline(since, color=chart_fonts.ORANGE, ls="--", lw=1.4)
        axes.annotate(
            "rows differ since here",
            (since, 0.03),
            (4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=chart_fonts.ORANGE,
            fontsize=9,
        )


def _draw_shares(axes, shares, spell):
    title, names, before, now = shares
    places = np.arange(len(names))
    axes.barh(
        places - 0.2, before, 0.38, color="#A9D3E8", label="in the reference"
    )
    axes.barh(places + 0.2, now, 0.38, color=chart_fonts.BLUE, label="now")
    shown = [
        chart_fonts.apart(printed_text.cut_middle(spell(each), _NAME))
        for each in names
    ]
    axes.set_yticks(places, shown, fontsize=8.5, parse_math=False)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    chart_fonts.style(axes, title, axis="x")
    axes.legend(
        frameon=False,
        fontsize=8.5,
        ncols=2,
        loc="upper right",
        bbox_to_anchor=(1.02, -0.1),
        handlelength=1,
    )


def _novel_inches(novel, chosen):
    if not chosen:
        return 0.4
    if not novel:
        return 0.9
    if isinstance(novel[0], str | Mapping):
        is_table = isinstance(novel[0], Mapping)
        rows = len(novel) + (2 if is_table else 0)
        return 0.6 + (_LINE if is_table else _TEXT_LINES) * rows
    return 0.55 + _IMAGE


def _draw_novel(page, known, shift, novel, chosen):
    """Draws the rows that are farthest from the reference."""
    down = _HEAD + _UPPER
    if not chosen:
        return
    page.write(
        "The most novel rows, the farthest from the reference first",
        0,
        down,
        fontsize=11,
    )
    down += 0.35
    if not novel:
        text = printed_text.cut(", ".join(chosen), _TEXT)
        note = f"{text}   (their inputs were not kept)"
        page.write(note, 0, down, fontsize=9, color=chart_fonts.INK)
    elif isinstance(novel[0], str):
        _write_texts(page, down, novel, chosen)
    elif isinstance(novel[0], Mapping):
        _write_cells(page, down, known, shift, novel, chosen)
    else:
        _draw_images(page, down, novel, chosen)


def _draw_images(page, down, images, names):
    share = 1 / 9
    side = share * (_WIDTH - 2 * _MARGIN) * 0.92
    for place, (image, name) in enumerate(zip(images, names, strict=True)):
        axes = page.figure.add_axes(
            (
                (_MARGIN + place * side / 0.92) / _WIDTH,
                1 - (down + side) / page.height,
                side / _WIDTH,
                side / page.height,
            )
        )
        image = np.asarray(image).clip(0, 255).astype("uint8")
        is_tiny = max(image.shape[:2]) < 64
        axes.imshow(image, interpolation="nearest" if is_tiny else None)
        axes.set_axis_off()
        name = printed_text.last_part(name)
        page.write(
            printed_text.cut_middle(name, 20),
            place * share,
            down + side + 0.06,
            fontsize=7,
            color=chart_fonts.DIM,
        )


def _write_texts(page, down, texts, names):
    for text, name in zip(texts, names, strict=True):
        short = printed_text.last_part(name)
        page.write(
            printed_text.cut_middle(short, _NAME),
            0,
            down,
            fontsize=8,
            color=chart_fonts.DIM,
        )
        spelt = printed_text.cut(
            page.spell(" ".join(text.split())), 2 * _TEXT - 15
        )
        lines = printed_text.wrapped(spelt, _TEXT, lines=2).split("\n")
        for number, line in enumerate(lines):
            below = down + 0.17 * number
            page.write(line, 0.2, below, fontsize=8.5, color=chart_fonts.INK)
        down += _TEXT_LINES


def _write_cells(page, down, known, shift, rows, names):
    """Writes the columns that have moved most, below those of the reference."""
    moved = [each.name for each in shift.columns]
    rest = [name for name in known if name not in moved]
    columns = [*moved, *rest][:_MOST_COLUMNS]
    usual = [_usual(known[name]) for name in columns]
    table = [("", columns), ("reference", usual)]
    for name, row in zip(names, rows, strict=True):
        short = printed_text.last_part(name)
        table.append((short, [_cell(row[column]) for column in columns]))
    width = 0.82 / _MOST_COLUMNS
    for number, (name, cells) in enumerate(table):
        style = {"fontsize": 8.5, "color": chart_fonts.INK}
        if number < 2:
            style |= {"fontweight": "bold" if number == 0 else "normal"}
            style |= {"color": chart_fonts.BLUE}
        short = printed_text.cut_middle(name, _NAME)
        page.write(short, 0, down, **{**style, "fontsize": 8})
        for place, cell in enumerate(cells):
            is_moved = number == 0 and columns[place] in moved
            colour = chart_fonts.ORANGE if is_moved else style["color"]
            page.write(
                printed_text.cut_middle(cell, 20),
                0.18 + place * width,
                down,
                **{**style, "color": colour},
            )
        down += _LINE


def _with_dates(row, dates):
    """Returns days as dates, in a row of a table or in its columns."""
    if not dates or not isinstance(row, Mapping):
        return row
    return {
        name: np.asarray(each, "float64").round().astype("datetime64[D]")
        if name in dates
        else each
        for name, each in row.items()
    }


def _usual(cells):
    """Returns the median of numbers and dates, and the commonest of texts."""
    if cells.dtype.kind == "M":
        known = np.sort(cells[~np.isnat(cells)])
        return f"median {known[len(known) // 2]}" if len(known) else "missing"
    if cells.dtype.kind == "f":
        known = cells[np.isfinite(cells)]
        return f"median {np.median(known):.4g}" if len(known) else "missing"
    values, counts = np.unique(as_cells(cells), return_counts=True)
    top = counts.argmax()
    return f"{values[top] or 'missing'} ({counts[top] / len(cells):.0%})"


def _cell(value):
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return value or "missing"
    if np.asarray(value).dtype.kind == "M":
        return "missing" if np.isnat(value) else str(value)
    value = float(value)
    return f"{value:.4g}" if np.isfinite(value) else "missing"
