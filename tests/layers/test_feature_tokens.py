"""Is a token the sum of what its own columns say?"""

import numpy as np
import pytest

from aet_keras.layers import FeatureTokens


def test_tokens_are_those_of_numpy():
    x = np.random.normal(size=(4, 6)).astype("float32")
    layer = FeatureTokens(widths=[3, 1, 2], units=5)
    layer.build(x.shape)
    layer.bias.assign(np.random.normal(size=(3, 5)))
    kernel, bias = layer.get_weights()

    tokens = layer(x)

    ends = [(0, 3), (3, 4), (4, 6)]
    expected = [x[:, a:b] @ kernel[a:b] for a, b in ends]
    expected = np.stack(expected, axis=1) + bias
    np.testing.assert_allclose(tokens, expected, rtol=1e-5, atol=1e-6)


def test_widths_have_to_add_up():
    with pytest.raises(ValueError, match="5 for 6 columns.*Name the width"):
        FeatureTokens(widths=[3, 2])(np.zeros((1, 6), "float32"))
