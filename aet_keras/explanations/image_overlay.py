"""Lays a map over its image, and draws both as a chart."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras import _files
from aet_keras._optional import needing, optional
from aet_keras.evaluation import chart_fonts

_COLOURS = "inferno"  # perceptually even, and told apart by the colour-blind
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_COLUMNS = 4


def overlay(images: Any, maps: Any, *, opacity: float = 0.5) -> np.ndarray:
    """Lays maps over their images, in perceptually even colours.

    The colours run from 0 to the largest value of each map; what is below 0
    counts as 0.

    Args:
        images: numbers from 0 to 255, `(batch, height, width, 3)`, or with
            one channel.
        maps: floats `(batch, height, width)`.
        opacity: float from 0 to 1. Of the map. Defaults to `0.5`.

    Returns:
        uint8 array `(batch, height, width, 3)`.

    Raises:
        TypeError: if `opacity` is no number.
        ValueError: if `opacity`, a shape or the range of the images is
            another.

    Example:

    >>> images = np.zeros((1, 4, 4, 3), "uint8")
    >>> from aet_keras.explanations.image_overlay import overlay
    >>> laid = overlay(images, np.eye(4)[None])
    >>> laid.shape, laid[0, 0, 0].tolist()
    ((1, 4, 4, 3), [126, 127, 82])
    """
    colormaps = optional("matplotlib", extra="training").colormaps

    check.ratio("overlay", opacity=opacity)
    images = _to_rgb("overlay", np.asarray(images))
    maps = np.asarray(maps, "float32")
    if maps.shape != images.shape[:3]:
        raise ValueError(
            "overlay: `maps` must have the shape of the images. Received: "
            f"{maps.shape} for images of {images.shape[:3]}."
        )
    maps = np.maximum(maps, 0)
    most = maps.max(axis=(1, 2), keepdims=True)
    shares = np.divide(maps, most, out=np.zeros_like(maps), where=most > 0)
    colours = 255 * colormaps[_COLOURS](shares)[..., :3]
    return np.round((1 - opacity) * images + opacity * colours).astype("uint8")


def save_overlay(
    path: str | os.PathLike,
    image: Any,
    maps: Any,
    *,
    title: str | None = None,
    label: str | None = None,
) -> Path:
    """Draws an image and, beside it, the image under its map, as a PNG.

    Under the map the image is grey, so that all colour there is the map's;
    the bar beside it explains the colours. The file is written whole or not at
    all.

    Args:
        path: str or path-like. Where to write; an old file is replaced.
        image: numbers from 0 to 255, `(height, width, 3)`, or with one
            channel.
        maps: floats `(height, width)`, or a dict from the title of a panel to
            such a map.
        title: optional str. Stands above all.
        label: optional str. What the numbers of the bar are.

    Returns:
        `pathlib.Path`, where it was written.

    Raises:
        ValueError: if a shape or the range of the image is another.

    Example:

    >>> import tempfile
    >>> image = np.zeros((8, 8, 3), "uint8")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.explanations.save_overlay(
    ...         f"{folder}/hat.png", image, np.eye(8), title="hat, 93 %"
    ...     )
    >>> path.name
    'hat.png'
    """
    panels = dict(maps) if isinstance(maps, Mapping) else {"": maps}
    image = _to_rgb("save_overlay", np.asarray(image)[None])
    grey = (image @ _LUMINANCE)[..., None]  # (1, height, width, 1)
    panels = {
        name: (np.asarray(panel), overlay(grey, np.asarray(panel)[None])[0])
        for name, panel in panels.items()
    }
    figure = _draw(image[0].astype("uint8"), panels, title, label)
    return _files.write_whole(path, chart_fonts.png_of(figure, boxes=True))


def _draw(image, panels, title, label):
    count = 1 + len(panels)
    columns = min(_COLUMNS, count)
    rows = math.ceil(count / columns)
    height = 3.4 * min(2.0, max(0.5, image.shape[0] / image.shape[1]))
    figure = chart_fonts.new_figure(
        3.8 * columns + 0.6, (height + 0.3) * rows + 0.6, layout="constrained"
    )
    if title:
        figure.suptitle(
            title, fontsize=13, color=chart_fonts.INK, parse_math=False
        )
    _show(figure.add_subplot(rows, columns, 1), image, "")
    for place, (name, (values, laid)) in enumerate(panels.items(), start=2):
        axes = figure.add_subplot(rows, columns, place)
        _show(axes, laid, name)
        _add_bar(figure, axes, values, label)
    return figure


def _show(axes, pixels, name):
    axes.imshow(pixels, interpolation="nearest")
    axes.set_title(name, fontsize=10, color=chart_fonts.INK, parse_math=False)
    axes.set_axis_off()


def _add_bar(figure, axes, values, label):
    with needing("training"):
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

    most = float(values.max())
    scale = ScalarMappable(Normalize(0, most if most > 0 else 1), _COLOURS)
    bar = figure.colorbar(scale, ax=axes, shrink=0.8, aspect=22, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=0, colors=chart_fonts.INK)
    if label:
        bar.set_label(
            label, fontsize=9, color=chart_fonts.INK, parse_math=False
        )


def _to_rgb(owner, images):
    """Returns images with three channels, if they are 0 to 255."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ValueError(
            f"{owner}: images must be `(height, width, 3)`, or with one "
            f"channel. Received: shape={images.shape!r} with the batch."
        )
    least, most = images.min(), images.max()
    is_small = images.dtype.kind == "f" and 0 < most <= 1
    if not 0 <= least <= most <= 255 or is_small:
        raise ValueError(
            f"{owner}: images must be numbers from 0 to 255. Received: "
            f"{images.dtype} from {least} to {most}. Undo the preprocessing: "
            "`255 * images` for what was divided by 255."
        )
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
