"""Spares runs their charts, a second each."""

import importlib
import io

import matplotlib.image
import numpy as np

# Tests of other rooms look at what is drawn.
_UNDRAWN = {"cli", "tests", "training", "tuning"}


def _blank():
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, np.ones((2, 2, 3)), format="png")
    return buffer.getvalue()


_ROOM = "aet_keras.evaluation"
_RUNS = [
    importlib.import_module(f"{_ROOM}.{name}")
    for name in ("report_chart", "mistake_chart")
]
_DRAW = [each._draw for each in _RUNS]
_BLANK = _blank()


def leave_report_blank(monkeypatch):
    """Leaves the chart of reports blank where others are drawn."""
    monkeypatch.setattr(_RUNS[0], "_draw", lambda *_: _BLANK)


def render(item):
    """Has charts of runs be drawn for a test, or be left blank."""
    is_drawn = item.path.parent.name not in _UNDRAWN
    is_drawn |= item.get_closest_marker("drawn") is not None
    for each, draw in zip(_RUNS, _DRAW, strict=True):
        each._draw = draw if is_drawn else lambda *_: _BLANK
