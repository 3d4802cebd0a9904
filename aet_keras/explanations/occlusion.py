"""Maps what a model loses when a place in an image is covered."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras import _check as check
from aet_keras.explanations import image_models


class Occlusion:
    """Maps how much the probability of a class falls if a place is covered.

    A square of one colour is moved over the image. Each pixel gets the
    mean fall, p(image) - p(covered), of the squares that cover it: below 0
    where the content lowers the probability of the class.

    Only the model's answers are used: it may be of any kind. Where it gives
    scores instead of probabilities, the map is the fall of the score.

    Args:
        model: `keras.Model` from `(batch, height, width, channels)` to
            `(batch, classes)`.
        window: optional int >= 1. Side of the square in pixels. Defaults to
            an eighth of the image's shorter side, at least 1.
        stride: optional int >= 1, at most the window. Pixels from one square
            to the next; the last one touches the border. Defaults to half of
            the window, at least 1.
        fill: optional number, or one a channel. The colour of the square.
            Defaults to the mean colour of each image.

    Call arguments:
        images: numbers `(batch, height, width, channels)`, as the model takes
            them.
        classes: optional int or ints `(batch,)`: columns of the output.
            Defaults to the predicted ones. A single column of output is
            class 1, and class 0 has the rest.

    Returns:
        float32 array `(batch, height, width)`, from -1 to 1 for
        probabilities.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if `window`, `stride` or `fill` is out of range or does
            not fit, the images or classes do not, or NaN comes out.

    Cost:
        A forward pass for each square. With the defaults, 225 for a square
        image of 16 pixels or of 1,600.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((16, 16, 1)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> explain = aet_keras.explanations.Occlusion(model, window=4)
    >>> explain(np.ones((3, 16, 16, 1))).shape
    (3, 16, 16)

    Reference:
        [Zeiler & Fergus, 2014](https://arxiv.org/abs/1311.2901). Differs:
        overlapping squares are averaged; mean colour instead of grey.
    """

    def __init__(
        self,
        model: keras.Model,
        window: int | None = None,
        stride: int | None = None,
        fill: float | Sequence[float] | None = None,
    ):
        self.model = model
        self.window = window
        self.stride = stride
        self.fill = fill
        if window is not None:
            self.window = check.positive_int(self, window=window)
        if stride is not None:
            self.stride = check.positive_int(self, stride=stride)

    def __call__(self, images: Any, classes: Any = None) -> np.ndarray:
        """Returns one map for each image."""
        images = image_models.check_images(self, images, self.model)
        count, *size, channels = images.shape
        squares = list(self._squares(size))
        fill = self._check_fill(channels)
        before = self._answer(images)
        columns = image_models.check_classes(
            self, classes, count=count, class_count=before.shape[-1]
        )
        if columns is None:
            columns = before.argmax(axis=-1)
        maps = np.stack(
            [
                self._explain(image, squares, fill, column) + row[column]
                for image, row, column in zip(
                    images, before, columns, strict=True
                )
            ]
        )
        return image_models.check_finite(self, maps.astype("float32"))

    def _explain(self, image, squares, fill, column):
        """Returns minus the mean answer of the squares over each pixel."""
        fill = image.mean(axis=(0, 1)) if fill is None else fill
        total = np.zeros(image.shape[:2])
        covers = np.zeros(image.shape[:2])
        for rows in image_models.portions(len(squares), image.shape[:2]):
            part = squares[rows]
            covered = np.repeat(image[None], len(part), axis=0)
            for copy, square in zip(covered, part, strict=True):
                copy[square] = fill
            answers = self._answer(covered)[:, column]
            for square, answer in zip(part, answers, strict=True):
                total[square] += answer
                covers[square] += 1
        return -total / covers

    def _answer(self, images):
        answers = []
        for rows in image_models.portions(len(images), images.shape[1:3]):
            outputs = self.model(images[rows], training=False)
            shape = getattr(outputs, "shape", ())
            if len(shape) != 2:
                raise ValueError(
                    "Occlusion: the model must give one row of scores a "
                    "image, `(batch, classes)`. Received: "
                    f"{type(outputs).__name__} of shape {tuple(shape)}. "
                    "Explain a `keras.Model(images, scores)`."
                )
            answers.append(ops.convert_to_numpy(image_models.by_class(outputs)))
        return np.concatenate(answers).astype("float64")

    def _squares(self, size: Sequence[int]) -> Iterator[tuple[slice, slice]]:
        window = self.window or max(1, min(size) // 8)
        stride = self.stride or max(1, window // 2)
        if window > min(size) or stride > window:
            raise ValueError(
                "Occlusion: `window` must fit into the image and `stride` "
                "into the window, because each pixel must be covered. "
                f"Received: window={window}, stride={stride} for images of "
                f"{size[0]} x {size[1]}."
            )
        for top in _starts(size[0], window, stride):
            for left in _starts(size[1], window, stride):
                yield slice(top, top + window), slice(left, left + window)

    def _check_fill(self, channels):
        if self.fill is None:
            return None
        fill = np.asarray(self.fill)
        if fill.dtype.kind in "uif" and fill.shape in ((), (channels,)):
            return fill
        raise ValueError(
            "Occlusion: `fill` must be a number, or one for each of the "
            f"{channels} channels. Received: fill={self.fill!r}."
        )


def _starts(length, window, stride):
    last = length - window
    return [*range(0, last, stride), last]
