"""Which number stands for a class, and which class is asked about?"""

from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras._check import owner_name

_SQUASHES = (keras.activations.softmax, keras.activations.sigmoid)


def by_class(outputs: Any) -> Any:
    """Returns one column a class.

    A single column belongs to class 1, and class 0 has the rest.
    """
    if outputs.shape[-1] > 1:
        return outputs
    return ops.concatenate([1 - outputs, outputs], axis=-1)


def unsquashed(layer: Any, inputs: Any, outputs: Any) -> Any:
    """Returns the scores that the last layer turned into probabilities.

    Where a model is sure, softmax and sigmoid are flat: the gradient of a
    probability, and that of its logarithm, vanish in rounding. Those of the
    scores before do not. What cannot be undone is left as it is.
    """
    if isinstance(layer, keras.layers.Softmax):
        return inputs
    if getattr(layer, "activation", None) not in _SQUASHES:
        return outputs
    if isinstance(layer, keras.layers.Activation):
        return inputs
    is_dense = isinstance(layer, keras.layers.Dense)
    is_own = not is_dense or type(layer).call is not keras.layers.Dense.call
    if is_own or layer.quantization_mode is not None:
        return outputs
    kernel = ops.cast(layer.kernel, "float32")
    scores = ops.matmul(ops.cast(inputs, "float32"), kernel)
    if layer.bias is None:
        return scores
    return scores + ops.cast(layer.bias, "float32")


def check_classes(
    owner: Any, classes: Any, *, count: int, class_count: int
) -> np.ndarray | None:
    """Returns the column to explain for each picture, None where not said."""
    if classes is None:
        return None
    columns = np.asarray(classes)
    if columns.dtype.kind not in "ui" or columns.shape not in ((), (count,)):
        raise ValueError(
            f"{owner_name(owner)}: `classes` must be an int, or one for each "
            f"of the {count} pictures. Received: shape={columns.shape!r}, "
            f"dtype={columns.dtype}. Leave it out to explain the predicted "
            "ones."
        )
    if columns.min() < 0 or columns.max() >= class_count:
        raise ValueError(
            f"{owner_name(owner)}: `classes` must be columns of the output, 0 "
            f"to {class_count - 1}. Received: from {columns.min()} to "
            f"{columns.max()}."
        )
    return np.broadcast_to(columns, (count,)).astype("int32")
