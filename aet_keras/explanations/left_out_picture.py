"""How do the parts that an answer rests on look?"""

import io
import os
import warnings
from pathlib import Path

from aet_keras import _check as check
from aet_keras.evaluation import _files, _text
from aet_keras.explanations.left_out import LeftOut

_FOR, _AGAINST, _GREY = "#0072B2", "#D55E00", "#E6E6E6"


def save_left_out(
    path: str | os.PathLike,
    found: LeftOut,
    *,
    title: str = "",
    what: str = "probability",
    most: int = 15,
) -> Path:
    """Draws a bar a part as a PNG: the strongest, in their order in the row.

    Args:
        path: str or path-like. Written whole or not at all.
        found: `LeftOut`.
        title: str. Above the bars.
        what: str. What is lost. Defaults to `"probability"`.
        most: int >= 1. How many parts are shown. Defaults to `15`.

    Returns:
        `pathlib.Path`, where it was written.

    Example:

    >>> import tempfile
    >>> found = aet_keras.explanations.LeftOut(
    ...     ("a", "good", "film"), np.array([0.0, 0.5, -0.1]), 1, 0.9
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.explanations.save_left_out(
    ...         f"{folder}/film.png", found, title="good, 90 %"
    ...     )
    >>> path.name
    'film.png'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check.positive_int("save_left_out", most=most)
    order = sorted(range(len(found.names)), key=lambda i: -abs(found.losses[i]))
    shown = sorted(order[:most], reverse=True)  # the first part on top
    figure = Figure(
        figsize=(8, 1.4 + 0.3 * len(shown)), dpi=110, layout="constrained"
    )
    FigureCanvasAgg(figure)  # never pyplot: it keeps state
    axes = figure.add_subplot()
    losses = [float(found.losses[i]) for i in shown]
    colours = [_FOR if loss >= 0 else _AGAINST for loss in losses]
    axes.barh(range(len(shown)), losses, color=colours, height=0.7)
    names = [_text.cut(found.names[i], 36) for i in shown]
    axes.set_yticks(range(len(shown)), names, parse_math=False)
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel(f"{what} lost without it (negative: gained)")
    axes.set_title(title, fontsize=12, parse_math=False)
    axes.grid(axis="x", color=_GREY)
    axes.set_axisbelow(True)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="png")
    return _files.write_whole(path, buffer.getvalue())
