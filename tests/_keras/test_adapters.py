"""Are adapters added to matrices alone, and taken out without a trace?"""

import keras
import numpy as np
import pytest

from aet_keras._keras import adapters

RANDOM = np.random.default_rng(0)


class Own(keras.layers.Dense):
    """May do something else with its kernel."""


def built(layer, shape):
    layer.build((None, *shape))
    return layer


MATRICES = {
    "dense": (lambda: keras.layers.Dense(5), (4,), 4),
    "of attention": (
        lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 2, 3)),
        (6, 8),
        3,
    ),
    "a convolution of one pixel": (
        lambda: keras.layers.Conv2D(5, 1),
        (3, 3, 4),
        4,
    ),
}
OTHERS = {
    "a wider convolution": (lambda: keras.layers.Conv2D(4, 3), (5, 5, 4)),
    "a grouped convolution": (
        lambda: keras.layers.Conv2D(4, 1, groups=2),
        (3, 3, 4),
    ),
    "a subclass": (lambda: Own(4), (4,)),
    "a constraint": (
        lambda: keras.layers.Dense(4, kernel_constraint="NonNeg"),
        (4,),
    ),
}


@pytest.mark.parametrize("case", MATRICES)
def test_merged_adapters_are_in_the_kernel_and_nowhere_else(case):
    make, shape, width = MATRICES[case]
    layer = built(make(), shape)
    assert adapters.can_adapt(layer) and adapters.width_of(layer) == width
    names = [each.name for each in layer.weights]
    x = RANDOM.normal(size=(2, *shape)).astype("float32")
    before = layer(x)

    added = adapters.add_adapters(layer, 2)

    np.testing.assert_allclose(layer(x), before, atol=1e-6)
    for variable in added:
        variable.assign(RANDOM.normal(size=variable.shape))
    learned = layer(x)
    assert np.abs(learned - before).max() > 0.1
    adapters.merge_adapters(layer)
    np.testing.assert_allclose(layer(x), learned, atol=1e-4)
    assert [each.name for each in layer.weights] == names
    assert "lora_rank" not in layer.get_config()
    assert adapters.can_adapt(layer)  # and may learn the next task


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_plain_matrix_has_no_adapters(case):
    make, shape = OTHERS[case]

    assert not adapters.can_adapt(built(make(), shape))
