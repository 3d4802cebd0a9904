"""Maps which places of a feature map count for a class."""

from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras import _check as check
from aet_keras._keras.inside import Inner
from aet_keras.explanations import image_models

# Their maps no longer lie over the image from edge to edge.
_SHIFTS = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


class GradCAM:
    """Maps which places of a feature map raise the score of a class.

    map = relu(sum over k of alpha_k A_k), with A_k channel k of the feature
    map and alpha_k the mean over its positions of the derivative of the
    class's score; enlarged bilinearly, then divided by its maximum.

    The score is the one before the last softmax or sigmoid, as in the paper,
    where the model ends in `Dense`, `Activation` or `Softmax`; else it is the
    output itself. Where a model is sure of a class, its probability hardly
    moves, and neither does the logarithm; the score still does.

    The model is run in inference mode with its own layers, nothing is added
    to it, and nothing of it changes.

    Args:
        model: functional or built Sequential `keras.Model` from
            `(batch, height, width, channels)` to `(batch, classes)`; a
            backbone may be nested in it.
        layer: optional str or layer. Whose output is looked at, inside a
            nested backbone too; of several calls, the last. Defaults to the
            feature map with the longest path from the input, paddings and
            single positions left out.

    Attributes:
        layer: the `keras.layers.Layer` that is looked at.

    Call arguments:
        images: numbers `(batch, height, width, channels)`, as the model takes
            them.
        classes: optional int or ints `(batch,)`: columns of the output.
            Defaults to the predicted ones. A single column of output is
            class 1, and class 0 its opposite.

    Returns:
        float32 array `(batch, height, width)`, from 0 to 1; all 0 where
        no place raises the score.

    Raises:
        ValueError: if the model is subclassed, has no feature map or no such
            layer, the images or classes do not fit, or NaN comes out.

    Example:

    >>> model = aet_keras.tasks.build_image_classifier(
    ...     class_count=3, weights="none"
    ... )
    >>> explain = aet_keras.explanations.GradCAM(model)
    >>> explain.layer.name
    'out_relu'
    >>> explain(np.ones((2, 64, 64, 3)), classes=1).shape
    (2, 64, 64)

    Reference:
        [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391).
    """

    def __init__(
        self, model: keras.Model, layer: str | keras.layers.Layer | None = None
    ):
        self.model = model
        self._inside = image_models.open_up(self, model)
        self._tensor = self._choose(layer)
        self.layer = self._tensor.layer

    def __call__(self, images: Any, classes: Any = None) -> np.ndarray:
        """Returns one map for each image."""
        images = image_models.check_images(self, images, self.model)
        count, *size = images.shape[:3]
        columns = image_models.check_classes(
            self,
            classes,
            count=count,
            class_count=max(2, self.model.output_shape[-1]),
        )
        parts = [
            self._explain(
                images[rows], None if columns is None else columns[rows]
            )
            for rows in image_models.portions(count, size)
        ]
        maps = image_models.enlarge(np.concatenate(parts), size)
        image_models.check_finite(self, maps)
        most = maps.max(axis=(1, 2), keepdims=True)
        return np.divide(maps, most, out=np.zeros_like(maps), where=most > 0)

    def _explain(self, images, columns):
        def score(layer, inputs, outputs):
            scores = image_models.unsquashed(layer, inputs[0], outputs)
            if scores.shape[-1] == 1:
                scores = ops.concatenate([-scores, scores], axis=-1)
            asked = columns
            if asked is None:
                asked = ops.argmax(image_models.by_class(outputs), axis=-1)
            return ops.take_along_axis(scores, asked[:, None], axis=-1)

        features, slopes = self._inside.follow(images, self._tensor.key, score)
        slopes = ops.cast(slopes, "float32")
        alphas = ops.mean(slopes, axis=(1, 2), keepdims=True)
        features = ops.cast(features, "float32")
        maps = ops.relu(ops.sum(alphas * features, axis=-1))
        return ops.convert_to_numpy(maps)  # (batch, h, w)

    def _choose(self, layer) -> Inner:
        if layer is None:
            return self._deepest()
        names = {each.layer.name for each in self._inside.tensors}
        if isinstance(layer, str):
            check.known(self, among=names, kind="layer", layer=layer)
        found = [
            each
            for each in self._inside.tensors
            if layer is each.layer or layer == each.layer.name
        ]
        maps = [each for each in found if len(each.shape) == 4]
        if maps:
            return maps[-1]
        name = getattr(layer, "name", layer)
        raise ValueError(
            f"GradCAM: `layer` must be a layer of the model that gives "
            "`(batch, height, width, channels)`. Received: "
            f"layer=`{name}`, which gives {[each.shape for each in found]}. "
            "Leave it out to take the last feature map."
        )

    def _deepest(self):
        maps = [each for each in self._inside.tensors if _is_map(each)]
        if maps:
            return max(maps, key=lambda each: each.depth)
        raise ValueError(
            "GradCAM: the model must compute a feature map, "
            "`(batch, height, width, channels)` of more than one position. "
            f"Received: `{self.model.name}`, which has none. Use `Occlusion`."
        )


def _is_map(tensor):
    is_wide = len(tensor.shape) == 4 and tensor.shape[1:3] != (1, 1)
    is_shifted = isinstance(tensor.layer, _SHIFTS)
    return is_wide and not is_shifted and not tensor.is_raw
