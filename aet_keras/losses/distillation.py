"""Learns from labels and from a teacher's probabilities, both at once."""

from typing import Any

import keras
from keras import ops

from aet_keras import _check as check
from aet_keras._serial import register

_LEAST = 1e-30  # its logarithm is finite in float32


@register
class Distillation(keras.losses.Loss):
    """Mixes cross-entropy with labels and with a teacher's probabilities.

    cost = (1 - s) CE(y, p) + s T^2 KL(q_T, p_T), with y the label as one-hot,
    p what the model says, q what the teacher says, and both with index T at
    temperature T: p_T is proportional to p^(1/T), which is the softmax of
    logits divided by T. T^2 makes the second term's gradient as large as the
    first one's. KL differs from cross-entropy by what no weight changes; a
    model that agrees with its teacher costs 0 there.

    Targets hold both, side by side; `aet_keras.training.teach` makes them.
    Labels alone are taken, too, and cost their cross-entropy: so validation
    rows are judged by what is true.

    Args:
        share: float >= 0, < 1. What the teacher counts, s. Defaults to `0.7`.
        temperature: float > 0. T. Higher tells more of the classes that the
            teacher thinks unlikely. Defaults to `2.0`.
        from_logits: bool. Whether the model puts out logits. Defaults to
            `False`.
        **kwargs: as of `keras.losses.Loss`: `name`, `reduction`, `dtype`.

    Call arguments:
        y_true: `(batch, 2 * classes)`: the label as one-hot, or zeros where
            it is not known, and the teacher's probabilities. Or labels alone:
            class numbers `(batch,)` or `(batch, 1)`, or `(batch, classes)`.
        y_pred: `(batch, classes)`, two classes or more.
        sample_weight: optional weights of the rows.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if an argument is out of its range, or the targets have
            another shape.

    Example: see `aet_keras.training.teach`.

    >>> loss = aet_keras.losses.distillation.Distillation(0.5, temperature=1.0)
    >>> both = np.array([[1.0, 0.0, 0.5, 0.5]])  # the label, the teacher
    >>> round(float(loss(both, np.array([[0.5, 0.5]]))), 4)  # log(2) / 2
    0.3466

    Reference:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531). Differs: KL
        in place of cross-entropy, and rows without a label.
    """

    def __init__(
        self,
        share: float = 0.7,
        *,
        temperature: float = 2.0,
        from_logits: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.share = check.number(owner, least=0, share=share)
        if not self.share < 1:
            raise ValueError(
                f"{owner}: `share` must be below 1, because what is left is "
                f"the labels'. Received: share={share!r}. Rows without labels "
                "are taught by the teacher alone."
            )
        self.temperature = check.number(owner, above=0, temperature=temperature)
        self.from_logits = check.boolean(owner, from_logits=from_logits)

    def call(self, y_true, y_pred):
        classes = y_pred.shape[-1]
        width = y_true.shape[-1] if len(y_true.shape) > 1 else 1
        if len(y_true.shape) > 2 or width not in (1, classes, 2 * classes):
            raise ValueError(
                "Distillation: targets must be labels alone, or labels as "
                "one-hot with the teacher's probabilities beside them: "
                f"{2 * classes} numbers a row for {classes} classes. Received: "
                f"the shape {tuple(y_true.shape)}. `aet_keras.training.teach` "
                "makes them."
            )
        logs = self._logs(y_pred)  # (batch, classes)
        if width == 1:
            labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
            return -ops.sum(ops.one_hot(labels, classes) * logs, axis=-1)
        if width == classes:
            return -ops.sum(y_true * logs, axis=-1)
        label, teacher = y_true[:, :classes], y_true[:, classes:]
        wanted = self._softened(ops.log(ops.maximum(teacher, _LEAST)))
        found = self._softened(logs)
        divergence = ops.sum(ops.exp(wanted) * (wanted - found), axis=-1)
        return (
            -(1 - self.share) * ops.sum(label * logs, axis=-1)
            + self.share * self.temperature**2 * divergence
        )

    def _logs(self, y_pred):
        if self.from_logits:
            return ops.log_softmax(y_pred, axis=-1)
        return ops.log(ops.maximum(y_pred, _LEAST))

    def _softened(self, logs):
        """Returns logarithms of probabilities at the temperature."""
        return ops.log_softmax(logs / self.temperature, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "share": self.share,
            "temperature": self.temperature,
            "from_logits": self.from_logits,
        }
