"""Are kernels counted as they are used?"""

import keras
import numpy as np
import pytest

from aet_keras.backbones.kernels import mean_fan_in


class Part:
    def __init__(self, *layers):
        self.layers = layers


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (keras.layers.Dense(5), (None, 7), 7),
        (keras.layers.Conv2D(5, 3), (None, 8, 8, 7), 63),
        (keras.layers.Conv2D(6, 3, groups=2), (None, 8, 8, 4), 18),
        (keras.layers.SeparableConv2D(5, 3), (None, 8, 8, 7), 7),
        (keras.layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (1, 4, 7), 7),
        (keras.layers.EinsumDense("abcd,cde->abe", (None, 9)), (1, 4, 2, 3), 6),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_fan_in_is_what_a_unit_adds_up(layer, shape, expected):
    layer.build(shape)
    assert mean_fan_in([Part(layer)]) == pytest.approx(expected)


def test_a_depthwise_kernel_and_an_embedding_do_not_count():
    layers = [keras.layers.DepthwiseConv2D(3), keras.layers.Embedding(9, 4)]
    layers[0].build((None, 8, 8, 7))
    layers[1].build()
    assert np.isnan(mean_fan_in([Part(*layers)]))


def test_kernels_inside_attention_count():
    inputs = keras.Input((4, 12))
    attention = keras.layers.MultiHeadAttention(2, 6)
    outputs = attention(inputs, inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(outputs))
    # Query, key and value add up 12 inputs, the output 2 heads of 6.
    groups = [Part(attention)]
    assert mean_fan_in(groups) == pytest.approx(12)
    assert mean_fan_in([*groups, Part(model.layers[-1])]) == pytest.approx(12)
