"""Pools positions by gated attention."""

from aet_keras._serial import register
from aet_keras.layers._attention_pooling import AttentionPooling


@register
class GatedAttentionPooling(AttentionPooling):
    """Averages positions, each weighted by a learned and gated score.

    a_j = softmax over j of p . (tanh(V x_j) * sigmoid(U x_j)) / temperature;
    output = sum over j of a_j x_j. Between -1 and 1 tanh is nearly linear;
    the gate lets scores bend there too. p starts at 0, so all scores are even
    and a new layer is global average pooling, over the positions that are not
    masked: it can take the place of the pooling before a pretrained head.
    Equal up to rounding, 1e-6 in float32. The first training step moves p,
    the later ones U and V too.

    Args:
        units: int >= 1. Width of U x_j and V x_j. Defaults to an eighth of
            the channels, at least 1.
        temperature: float > 0. Higher is more even. Defaults to `1.0`.
        return_map: bool. Also return the weights. Defaults to `False`.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`.
        mask: optional bool tensor `(batch, positions)` or
            `(batch, height, width)`; masked positions are not looked at.

    Returns:
        Tensor `(batch, channels)`, 0 where every position is masked; with
        `return_map`, also the weights, `(batch, positions)` or
        `(batch, height, width)`, non-negative, summing to 1.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if `units` is below 1, `temperature` is not above 0, or
            the rank is not 3 or 4.

    Example:

    >>> layer = aet_keras.layers.GatedAttentionPooling()
    >>> x = np.ones((2, 7, 7, 64), "float32")
    >>> layer(x).shape, layer.attention_map(x).shape
    (TensorShape([2, 64]), TensorShape([2, 7, 7]))

    Reference:
        [Ilse et al., 2018](https://arxiv.org/abs/1802.04712), equation 9.
        Differs: p starts at 0; temperature.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.gate = self._project(
            input_shape[-1], self.hidden.units, "gate", "sigmoid"
        )

    def _describe(self, row):
        return self.hidden(row) * self.gate(row)
