"""Does every exported layer keep the contract?"""

import contracts
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import layers

SEQUENCE = (3, 6, 16)
IMAGE = (3, 4, 3, 16)
ROWS = {"FeatureTokens", "NumberEncoding"}  # take what a table holds
# Passes an output on, in its dtype; only a loss of ours trains its weight.
OUTPUTS = {"Uncertainty"}
CASES = {
    "ConvolutionalBlockAttention": [
        ({"ratio": 4}, SEQUENCE),
        ({"ratio": 2, "kernel_size": 3}, IMAGE),
    ],
    "EfficientChannelAttention": [
        ({}, SEQUENCE),
        ({"kernel_size": 5}, IMAGE),
    ],
    "FeatureTokens": [({}, (3, 6)), ({"widths": [4, 2], "units": 5}, (3, 6))],
    "GatedAttentionPooling": [
        ({}, SEQUENCE),
        ({"units": 3, "temperature": 2.0, "return_map": True}, IMAGE),
    ],
    "GeneralizedMeanPooling": [({}, SEQUENCE), ({}, IMAGE)],
    "NumberEncoding": [
        ({}, (3, 1)),
        (
            {"knots": [0.0, 1.0, 3.0], "periods": [7.0], "low": 0.5, "high": 2},
            (3, 1),
        ),
    ],
    "SoftAttention": [
        ({}, SEQUENCE),
        ({"units": 3, "temperature": 2.0, "return_map": True}, IMAGE),
    ],
    "SoftAttentionPooling": [
        ({}, SEQUENCE),
        ({"units": 3, "temperature": 2.0, "return_map": True}, IMAGE),
    ],
    "SpatialGate": [({}, SEQUENCE), ({"kernel_size": 3}, IMAGE)],
    "SqueezeExcite": [({"ratio": 4}, SEQUENCE), ({"ratio": 2}, IMAGE)],
    "Uncertainty": [({}, SEQUENCE), ({}, (3, 2))],
}
PATHS = {  # files of weights that users have
    "ConvolutionalBlockAttention": {
        "squeeze/kernel",
        "excite/kernel",
        "excite/bias",
        "spatial/conv/kernel",
    },
    "EfficientChannelAttention": {"conv/kernel"},
    "FeatureTokens": {"kernel", "bias"},
    "GatedAttentionPooling": {"hidden/kernel", "gate/kernel", "score/kernel"},
    "GeneralizedMeanPooling": {"log_p"},
    "NumberEncoding": set(),
    "SoftAttention": {"u/kernel", "v/kernel", "w/kernel", "gain"},
    "SoftAttentionPooling": {"hidden/kernel", "score/kernel"},
    "SpatialGate": {"conv/kernel"},
    "SqueezeExcite": {"squeeze/kernel", "excite/kernel", "excite/bias"},
    "Uncertainty": {"log_variance"},
}
FLAT = [(name, *case) for name in CASES for case in CASES[name]]


@pytest.mark.parametrize("name", layers.__all__)
def test_an_exported_layer_has_cases(name):
    assert name in CASES, (
        f"`layers.{name}` is exported but never checked. Add it to `CASES` "
        f"in {__file__}: its arguments and an input shape with the batch."
    )


@pytest.mark.parametrize(
    ("name", "kwargs", "shape"),
    FLAT,
    ids=[f"{name}-{len(shape)}D-{len(kwargs)}" for name, kwargs, shape in FLAT],
)
def test_a_layer_keeps_the_contract(name, kwargs, shape, tmp_path):
    check = contracts.check_output if name in OUTPUTS else contracts.check_layer

    is_last = (kwargs, shape) == CASES[name][-1]
    check(getattr(layers, name), kwargs, shape, tmp_path, jit_compile=is_last)


@pytest.mark.parametrize("name", layers.__all__)
def test_weights_keep_their_paths(name):
    layer = getattr(layers, name)(name="layer")

    layer.build((None, 16) if name in ROWS else (None, 4, 3, 16))

    paths = {weight.path for weight in layer.weights}
    assert paths == {f"layer/{path}" for path in PATHS[name]}


# `SqueezeExcite` scales its padding too, so a NaN there reaches the gate.
@pytest.mark.parametrize(
    "name", sorted({*layers.__all__} - {"SqueezeExcite"} - ROWS - OUTPUTS)
)
def test_padding_may_hold_anything_in_training(name):
    x = np.random.normal(size=SEQUENCE).astype("float32")
    mask = np.array([[1, 1, 1, 1, 0, 0]] * 3, bool)
    layer = getattr(layers, name)()
    contracts.move_all(layer, x)
    x[~mask] = np.nan

    with tf.GradientTape() as tape:
        outputs = layer(x, mask=mask)
        if len(outputs.shape) == 3:  # a loss leaves out what is masked
            outputs = tf.where(mask[..., None], outputs, 0)
        loss = tf.reduce_sum(outputs**2)
    slopes = tape.gradient(loss, [each.value for each in layer.weights])

    assert all(np.all(np.isfinite(slope)) for slope in slopes)
