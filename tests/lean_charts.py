"""Spares runs the rendering of their charts, half a second each."""

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


_fonts = importlib.import_module("aet_keras.evaluation.chart_fonts")
_DRAWN, _BLANK = _fonts.png_of, _blank()


def render(item):
    """Has charts be rendered for a test, or be made and left blank."""
    is_drawn = item.path.parent.name not in _UNDRAWN
    is_drawn |= item.get_closest_marker("drawn") is not None
    _fonts.png_of = _DRAWN if is_drawn else lambda figure, boxes=False: _BLANK
