"""Weighs tags so that rows with and without each count the same."""

import keras
import numpy as np
from keras import ops

from aet_keras import _serial


@_serial.register
class WeightedTags(keras.losses.Loss):
    """Takes the binary cross-entropy of tags, each side of each weighed.

    loss of a row = mean over tags of w1 * -y log p + w0 * -(1 - y) log (1 - p)

    Args:
        present: list of floats, the w1 of each tag.
        absent: list of floats, the w0 of each.
        **base: of `keras.losses.Loss`.

    Example:

    >>> from aet_keras.training.tag_weights import WeightedTags
    >>> WeightedTags.balanced(np.array([[1], [0], [0], [0]])).present
    [2.0]
    """

    def __init__(self, present, absent, name="weighted_tags", **base):
        super().__init__(name=name, **base)
        self.present = [float(each) for each in present]
        self.absent = [float(each) for each in absent]

    @classmethod
    def balanced(cls, labels: np.ndarray) -> "WeightedTags":
        """Weighs by 1 / (2 * share), as scikit-learn's `"balanced"` has it.

        Args:
            labels: 0 or 1, `(rows, tags)`. A tag that all rows have, or none,
                is not weighed.
        """
        share = np.asarray(labels, "float64").mean(axis=0)
        share = np.where((share > 0) & (share < 1), share, 0.5)
        return cls(0.5 / share, 0.5 / (1 - share))

    def call(self, y_true, y_pred):
        y = ops.cast(y_true, y_pred.dtype)
        p = ops.clip(y_pred, _LEAST, 1 - _LEAST)
        present = ops.convert_to_tensor(self.present, y_pred.dtype)
        absent = ops.convert_to_tensor(self.absent, y_pred.dtype)
        losses = present * y * ops.log(p)
        losses += absent * (1 - y) * ops.log(1 - p)
        return -ops.mean(losses, axis=-1)

    def of_rows(
        self, probabilities: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        """Returns the loss of each row, of arrays."""
        return np.asarray(self.call(labels, np.asarray(probabilities)))

    def get_config(self):
        base = super().get_config()
        return {**base, "present": self.present, "absent": self.absent}


_LEAST = 1e-7  # Keras's own
