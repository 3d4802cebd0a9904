"""Compares what an export says with what the model says."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check
from aet_keras.errors import ExportError
from aet_keras.export import _reference
from aet_keras.export._signatures import BYTES, DEFAULT

_FLAT = 1e-3


@dataclass(frozen=True)
class Comparison:
    """Holds how closely an export follows its model.

    Args:
        difference: float. The largest gap between a probability of the export
            and the model's own.
        count: int. How many rows were compared.
        spread: float. The largest gap between the model's probabilities of
            one class for two of the rows; near 0, the model says the same
            of all of them, and agreement says little.
        rows: str. What the rows are called.

    Example:
    >>> aet_keras.export.Comparison(3e-8, count=32, spread=0.9).is_telling
    True
    """

    difference: float
    count: int
    spread: float
    rows: str = "pictures"

    @property
    def is_telling(self) -> bool:
        """Whether the rows differed enough for agreement to mean much."""
        return self.spread > _FLAT

    def to_text(self) -> str:
        """Returns one sentence for a person."""
        text = (
            f"The export agrees with the model to {self.difference:.1e} on "
            f"{self.count} {self.rows}."
        )
        if self.is_telling:
            return text
        return f"{text} The model says the same of all: this proves little."


def compare_export(
    directory: str | os.PathLike,
    model: keras.Model,
    images: Any,
    *,
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    The first picture goes in alone, then all in one batch, then all as the
    bytes of PNG files, where the export takes those. The model is called
    without XLA, as the export is: a `predict` that XLA compiles rounds in its
    own way, in half precision by several hundredths.

    Args:
        directory: str or path-like. What `write_classifier` wrote.
        model: the `keras.Model` it was written from.
        images: array `(count, height, width, channels)` of real pictures, at
            least two for the spread; floats are rounded to whole pixels.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: if the export cannot be loaded, differs by more than
            `tolerance`, or puts out other shapes or numbers that are not
            finite.

    Example:
    >>> import tempfile
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.export.write_classifier(
    ...         model, folder, class_names=["hat", "shoe"]
    ...     )
    ...     result = aet_keras.export.compare_export(path, model, images)
    >>> result.count
    4
    """
    _check.positive("compare_export", tolerance=tolerance)
    pictures = _reference.whole_pixels("compare_export", images)
    expected = _reference.predict(model, pictures)
    # The object must outlive its functions: it holds the weights.
    exported = load("compare_export", directory)
    return hold(
        "compare_export",
        directory,
        _served(exported, pictures),
        expected,
        tolerance=tolerance,
        rows="pictures",
    )


def hold(
    owner: str,
    directory: str | os.PathLike,
    served: Iterable[tuple[str, int, np.ndarray]],
    expected: np.ndarray,
    *,
    tolerance: float,
    rows: str,
) -> Comparison:
    """Holds what an export puts out against what its model says.

    Args:
        owner: str. Who asks.
        directory: path of the export.
        served: what went in, how many rows of it, and what came out.
        expected: array `(count, columns)`.
        tolerance: float > 0.
        rows: str. What the rows are called.
    """
    difference = 0.0
    for what, count, outputs in served:
        wanted = expected[:count]
        gap = _reference.largest_gap(owner, what, outputs, wanted)
        if gap > tolerance:
            worst = np.abs(outputs - wanted).max(axis=1)
            raise ExportError(
                f"{owner}: the export in {os.fspath(directory)} differs "
                f"from the model by {gap:.2e} for {what} of {len(expected)}, "
                f"most on {rows.removesuffix('s')} {int(worst.argmax())}; at "
                f"most {tolerance:.0e} is accepted. Do not serve it."
            )
        difference = max(difference, gap)
    spread = float(np.ptp(expected, axis=0).max())
    return Comparison(difference, len(expected), spread, rows)


def load(owner: str, directory: str | os.PathLike) -> Any:
    """Loads a SavedModel.

    Raises:
        ExportError: if it cannot be loaded.
    """
    try:
        return tf.saved_model.load(os.fspath(directory))
    except (OSError, tf.errors.OpError) as error:
        raise ExportError(
            f"{owner}: no SavedModel could be loaded from "
            f"{os.fspath(directory)}: {error}"
        ) from error


def _served(exported, pictures):
    """Yields what went in, how many, and which probabilities came out."""
    serve = exported.signatures.get(DEFAULT)
    if serve is None or "probabilities" not in serve.structured_outputs:
        raise ExportError(
            "compare_export: the export must have a signature "
            f"`{DEFAULT}` that puts out `probabilities`. Received: "
            f"signatures {sorted(exported.signatures)}. Write it with "
            "`write_classifier`."
        )
    for what, count in (("all pictures", len(pictures)), ("one picture", 1)):
        outputs = serve(images=tf.constant(pictures[:count]))
        yield what, count, outputs["probabilities"].numpy()
    if BYTES in exported.signatures:
        encoded = tf.constant(_reference.encode_png(pictures))
        outputs = exported.signatures[BYTES](image_bytes=encoded)
        yield "the PNG files", len(pictures), outputs["probabilities"].numpy()
