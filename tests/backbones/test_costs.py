import math
import types

import keras
from keras import layers

from aet_keras.backbones.costs import fan_in


def group(*stack, shape=(8, 8, 3)):
    model = keras.Sequential([keras.Input(shape), *stack])
    return types.SimpleNamespace(layers=model.layers)


def test_the_inputs_of_a_neuron_are_those_of_its_kernel():
    made = group(
        layers.Conv2D(4, 3),  # 27
        layers.DepthwiseConv2D(3),
        layers.BatchNormalization(),
        layers.SeparableConv2D(6, 3),  # 4
        layers.Flatten(),
        layers.Dense(5),  # 6 channels of 2 x 2 pixels
    )

    found = fan_in([made])

    assert math.isclose(found, (27 * 4 * 24) ** (1 / 3), rel_tol=1e-6)


def test_a_projection_of_attention_sums_over_what_its_output_lacks():
    made = group(
        layers.EinsumDense("abc,cde->abde", (None, 2, 7)),  # 6
        layers.EinsumDense("abde,def->abf", (None, 5)),  # 2 * 7
        shape=(4, 6),
    )

    assert math.isclose(fan_in([made]), (6 * 14) ** 0.5, rel_tol=1e-6)


def test_groups_without_kernels_have_none():
    assert math.isnan(fan_in([group(layers.BatchNormalization())]))
