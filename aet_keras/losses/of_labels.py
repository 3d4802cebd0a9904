"""Measures a metric on labels that a teacher's probabilities stand beside."""

import keras
from keras import ops

from aet_keras._serial import register


@register
class OfLabels(keras.metrics.Metric):
    """Shows another metric the labels of targets, and nothing else of them.

    For models that `Distillation` trains. Rows without a label do not count.

    Args:
        metric: `keras.metrics.Metric`. Its name is kept.
        is_sparse: bool. Whether it takes class numbers, not one-hot.

    Example:

    >>> found = keras.metrics.SparseCategoricalAccuracy("accuracy")
    >>> metric = aet_keras.losses.of_labels.OfLabels(found, is_sparse=True)
    >>> both = np.array([[0.0, 1.0, 0.5, 0.5]])  # the label, the teacher
    >>> metric.update_state(both, np.array([[0.2, 0.8]]))
    >>> metric.name, float(metric.result())
    ('accuracy', 1.0)
    """

    def __init__(self, metric: keras.metrics.Metric, *, is_sparse: bool):
        super().__init__(name=metric.name, dtype=metric.dtype)
        self.metric = metric
        self.is_sparse = is_sparse

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true)
        classes = y_pred.shape[-1]
        width = y_true.shape[-1] if len(y_true.shape) > 1 else 1
        if width == 2 * classes:
            y_true = y_true[:, :classes]
            known = ops.sum(y_true, axis=-1)  # 0 of rows without a label
            given = 1.0 if sample_weight is None else sample_weight
            sample_weight = ops.cast(known, self.dtype) * ops.cast(
                given, self.dtype
            )
        if self.is_sparse and width > 1:
            y_true = ops.argmax(y_true, axis=-1)
        if not self.is_sparse and width == 1:
            labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
            y_true = ops.one_hot(labels, classes)
        self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self):
        metric = keras.saving.serialize_keras_object(self.metric)
        return {"metric": metric, "is_sparse": self.is_sparse}

    @classmethod
    def from_config(cls, config):
        metric = keras.saving.deserialize_keras_object(config["metric"])
        return cls(metric, is_sparse=config["is_sparse"])
