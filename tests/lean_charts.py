"""Spares runs the rendering of their charts, half a second each."""

import importlib
import io
import types

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
_FONTS = importlib.import_module(f"{_ROOM}.chart_fonts")
_BLANK = _blank()
_LEFT_BLANK = types.SimpleNamespace(
    **{**vars(_FONTS), "png_of": lambda figure: _BLANK}
)


def render(item):
    """Has charts of runs be rendered for a test, or be made and left blank."""
    is_drawn = item.path.parent.name not in _UNDRAWN
    is_drawn |= item.get_closest_marker("drawn") is not None
    for each in _RUNS:
        each.chart_fonts = _FONTS if is_drawn else _LEFT_BLANK
