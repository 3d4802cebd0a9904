"""Whatever a model is made of: a replayed run ends like a plain one."""

import keras
import numpy as np
import pytest
import replay_runs
from keras import layers, ops
from replay_runs import build_backbone, build_model

VALIDATION = {"validation_data": replay_runs.batches()}


def shared_layer():
    """Returns a model whose head calls a frozen layer again."""
    shared = layers.Dense(8, "tanh", name="a")
    x = inputs = keras.Input((8,))
    for layer in (shared, layers.Dense(8, name="b"), layers.Dense(8, name="c")):
        x = layer(x)
    outputs = layers.Dense(3, "softmax")(shared(x))
    made = keras.Model(inputs, outputs)
    made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return made


def nested_ports():
    """Returns a model around one of two named inputs and two outputs."""
    u, v = keras.Input((8,), name="u"), keras.Input((8,), name="v")
    left = layers.Dense(6, "tanh", name="a")(u)
    both = layers.Add()([left, layers.Dense(6, "tanh", name="b")(v)])
    right = layers.Dense(5, name="c")(both)
    old = keras.Model({"u": u, "v": v}, {"left": left, "right": right})
    x = keras.Input((8,))
    put = old({"u": x, "v": 2.0 * x}, training=False)
    scores = layers.Concatenate()([put["left"], put["right"]])
    made = keras.Model(x, layers.Dense(3, "softmax")(scores))
    made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return made


def sequential():
    made = keras.Sequential(
        [
            keras.Input((8,)),
            *(layers.Dense(6, "tanh", name=name) for name in "abc"),
            layers.Dense(3, "softmax"),
        ]
    )
    made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return made


def masked(*, is_pooled):
    """Returns a model of sequences whose mask ends below or above `c`."""
    inputs = keras.Input((8,))
    x = layers.Masking()(layers.Reshape((4, 2))(inputs))
    x = layers.Dense(6, name="b")(layers.Dense(7, name="a")(x))
    ends = [layers.GlobalAveragePooling1D(), layers.Dense(5, name="c")]
    for layer in ends if is_pooled else ends[::-1]:
        x = layer(x)
    made = keras.Model(inputs, layers.Dense(3, "softmax")(x))
    made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return made


def with_normalization():
    return build_model(build_backbone(layers.BatchNormalization(name="bn")))


def folding():
    """Returns a model with more rows between `b` and `c` than in a batch."""
    fold = replay_runs.CallFunction(lambda _, x: ops.reshape(x, (-1, 3)))
    unfold = replay_runs.CallFunction(lambda _, x: ops.reshape(x, (-1, 10)))
    old = [layers.Dense(6, name="a"), layers.Dense(6, name="b"), fold]
    old += [layers.Dense(5, name="c"), unfold]
    return build_model(keras.Sequential([keras.Input((8,)), *old]))


MODELS = {
    "one Sequential": (sequential, [3, 3, 2]),
    "named ports": (nested_ports, [3, 3, 2]),
    "random layer in the prefix": (
        lambda: build_model(build_backbone(layers.Dropout(0.4))),
        [1, 1, 1],
    ),
    "activity penalty in the prefix": (
        lambda: build_model(
            build_backbone(layers.Dense(7, activity_regularizer="l2"))
        ),
        [1, 1],
    ),
    "penalties in the head": (
        lambda: build_model(
            head=[
                layers.Dense(
                    7, activity_regularizer="l2", kernel_regularizer="l1"
                )
            ]
        ),
        [3, 3, 2],
    ),
    "normalization in the head": (
        lambda: build_model(head=[layers.BatchNormalization()]),
        [3, 3, 2],
    ),
    "a frozen layer called again": (shared_layer, [3, 3, 2]),
    "a moving layer called below": (
        lambda: build_model(build_backbone(layers.Dense(7, name="moving"))),
        [1, 1],
    ),
    "a mask that ends in the prefix": (
        lambda: masked(is_pooled=False),
        [3, 3, 0],
    ),
    "a mask that ends below c": (lambda: masked(is_pooled=True), [3, 3, 2]),
    "more rows half-way": (folding, [3, 3, 0]),
    "a metric in the prefix": (
        lambda: build_model(build_backbone(Measured())),
        [1, 1],
    ),
}


class Measured(layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = keras.metrics.Mean(name="mean")

    def call(self, x):
        self.mean.update_state(x)
        return x


@pytest.mark.parametrize("case", MODELS)
def test_a_model_of_any_build_ends_like_a_plain_one(case):
    make, cached = MODELS[case]

    plain, again = replay_runs.run_both(make, epochs=len(cached))

    replay_runs.check_equal(plain, again)
    assert again.cached == cached


def test_frozen_normalization_is_cached():
    own = {"groups": (["a", "bn"], ["b"], ["c"])}

    plain, again = replay_runs.run_both(
        with_normalization, own=own, **VALIDATION
    )

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


OPTIMIZERS = {
    "averages": lambda: keras.optimizers.AdamW(
        use_ema=True, ema_overwrite_frequency=2
    ),
    "weight decay": lambda: keras.optimizers.AdamW(weight_decay=0.1),
    "accumulation": lambda: keras.optimizers.SGD(
        momentum=0.9, gradient_accumulation_steps=2
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_of_any_kind_ends_like_a_plain_one(name):
    def make():
        return build_model(optimizer=OPTIMIZERS[name]())

    plain, again = replay_runs.run_both(make)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


def test_a_scaled_loss_ends_like_a_plain_one():
    def make():
        inner = keras.optimizers.Adam()
        return replay_runs.compiled_model(
            optimizer=keras.optimizers.LossScaleOptimizer(inner), metrics=[]
        )

    plain, again = replay_runs.run_both(make)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


def test_mixed_precision_is_kept_as_it_is_computed():
    keras.config.set_dtype_policy("mixed_bfloat16")

    plain, again = replay_runs.run_both(**VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounded_features_end_close_to_plain(dtype):
    plain = replay_runs.run_plain()
    again = replay_runs.run(own={"cache_dtype": dtype}, **VALIDATION)

    # Half a unit in the last place of the features, 2**-11 or 2**-8, times
    # their part in steps of about 0.01, six times.
    atol = 6 * 0.01 * {"float16": 2**-11, "bfloat16": 2**-8}[dtype]
    left, right = plain.weights, again.weights
    for before, after in zip(left, right, strict=True):
        np.testing.assert_allclose(after, before, atol=atol)
    assert again.cached == [3, 3, 2]
    assert not np.array_equal(left[-1], right[-1])


@pytest.mark.parametrize("factor", [1e7, 1e-7], ids=["huge", "tiny"])
def test_features_that_float16_cannot_hold_stay_exact(factor):
    def make():
        made = build_model(
            build_backbone(),
            head=[layers.Dropout(0.3), layers.Rescaling(1 / factor)],
        )
        top = made.get_layer("old").get_layer("c")
        top.activation = keras.activations.linear
        top.kernel.assign(factor * top.kernel)
        return made

    plain, again = replay_runs.run_both(
        make, epochs=2, own={"cache_dtype": "float16"}
    )

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3]
