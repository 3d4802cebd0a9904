"""Weights losses by uncertainties that are learned beside them."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from aet_keras._keras import loss_objects, marks
from aet_keras._serial import register


@register
class WeightedByUncertainty(keras.losses.Loss):
    """Weighs another loss by what an `Uncertainty` layer learns of it.

    cost = loss / (2 v) + log(1 + v), v the variance that the layer holds. The
    first term makes v grow with the loss, the second one keeps it from
    growing for ever: at v = (loss + sqrt(loss^2 + 8 loss)) / 4 they balance,
    and an output with a smaller loss weighs more. Several outputs of one
    model then need no weights that are searched by hand. The cost is never
    below 0 where the loss is not, so that policies can judge it by shares.

    Known failure: v follows the loss on training rows; where a model learns
    those by heart, that output weighs more and more.

    Args:
        loss: str, function, or `keras.losses.Loss`: as in `compile`, for one
            output. Not `"crossentropy"`, which Keras tells by the data.
        **kwargs: as of `keras.losses.Loss`: `name`. Reduction is the loss's
            own.

    Call arguments:
        y_true: targets of the output.
        y_pred: the output, straight from an `Uncertainty` layer.
        sample_weight: optional weights of the rows; for `loss`.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if Keras knows no such loss, or, in the first step, if the
            output does not come from an `Uncertainty` layer.

    Example: see `Uncertainty`.

    >>> layer = aet_keras.layers.Uncertainty()
    >>> cost = aet_keras.losses.WeightedByUncertainty("mse")
    >>> y_pred = layer(np.array([[2.0]], "float32"))
    >>> round(float(cost(np.array([[0.0]]), y_pred)), 4)  # 4 + log(1.5)
    4.4055

    Reference:
        [Kendall et al., 2018](https://arxiv.org/abs/1705.07115). Differs: the
        second term is log(1 + v), of
        [Liebel and Körner, 2018](https://arxiv.org/abs/1805.06334), where
        Kendall's log(v) / 2 makes a good model's cost cross 0.
    """

    def __init__(self, loss: str | Callable | keras.losses.Loss, **kwargs: Any):
        try:
            self._loss = loss_objects.as_loss(loss)
        except ValueError as error:
            raise ValueError(
                "WeightedByUncertainty: `loss` must be one that `compile` "
                f"takes for an output. Received: loss={loss!r}. Give a name "
                'such as "mse", a function, or a `keras.losses.Loss`.'
            ) from error
        super().__init__(**kwargs)
        self.loss = loss

    @property
    def resolved(self) -> keras.losses.Loss:
        """The `keras.losses.Loss` that `loss` stands for."""
        return self._loss

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Before anything is computed: the mark is on this very tensor.
        layer = marks.mark_of(y_pred)
        value = self._loss(y_true, y_pred, sample_weight)
        if layer is None and marks.is_drawn_only():
            return value
        if layer is None:
            raise ValueError(
                "WeightedByUncertainty: the output must come straight from an "
                "`aet_keras.layers.Uncertainty` layer, because that holds the "
                f"weight. Received: an output of shape {tuple(y_pred.shape)} "
                "from elsewhere. Put the layer last in the output's head."
            )
        price = ops.softplus(ops.convert_to_tensor(layer.log_variance))
        return layer.weight() * ops.cast(
            value, self.dtype
        ) + loss_objects.share_of_replica(price)

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {"name": self.name, "loss": loss}

    @classmethod
    def from_config(cls, config):
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})
