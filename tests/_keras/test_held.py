"""Does what a user fixed one by one stay fixed, whatever thaws around it?"""

import image_models
import keras
import numpy as np
import replay_runs
from keras import layers

from aet_keras._keras import normalization
from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawAll, ThawOnSchedule

X, Y = replay_runs.noise_rows(16)


def model(*, lora=(), fixed=(), frozen=()):
    """Returns a model with adapters, and with weights and layers fixed."""
    keras.utils.set_random_seed(0)
    made = replay_runs.build_model()
    old = made.get_layer("old")
    for name in lora:
        old.get_layer(name).enable_lora(2)
    for name, what in fixed:
        getattr(old.get_layer(name), what).trainable = False
    for name in frozen:
        old.get_layer(name).trainable = False
    made.compile("adam", "sparse_categorical_crossentropy")
    return made


def weights(made):
    return {v.path: v.numpy() for v in made.weights}


def moved(made, policy=None, epochs=5, groups=replay_runs.GROUPS, **settings):
    """Returns the paths of the backbone's weights that a `fit` moves."""
    before = weights(made)
    policy = policy or ThawOnSchedule()
    freezing = ElasticFreezing(policy, groups=groups, cache="memory")
    made.fit(X, Y, epochs=epochs, verbose=0, callbacks=[freezing], **settings)
    return {
        path
        for path, value in weights(made).items()
        if not np.array_equal(value, before[path]) and "scores" not in path
    }


def test_adapters_move_and_the_kernels_below_them_do_not():
    made = model(lora="abc")

    found = moved(made)

    parts = {"bias", "lora_kernel_a", "lora_kernel_b"}
    assert found == {f"{layer}/{part}" for layer in "abc" for part in parts}
    assert len(made.trainable_weights) == 9 + 2


def test_keras_thaws_what_lora_holds_fixed():
    # The trap itself: if Keras mends it, the seam can go.
    layer = model(lora="a").get_layer("old").get_layer("a")

    layer.trainable = False
    layer.trainable = True

    assert layer._kernel.trainable


def test_a_backbone_that_was_frozen_whole_says_nothing_but_of_lora():
    made = model(lora="b")
    made.get_layer("old").trainable = False

    found = moved(made)

    assert "b/kernel" not in found
    assert {"a/kernel", "b/lora_kernel_a", "c/kernel"} <= found


def test_with_lora_groups_without_adapters_stay_frozen():
    # As `enable_lora` of a KerasHub backbone leaves them.
    made = model(lora="b", frozen="ac")

    assert moved(made, ThawAll()) == {
        "b/bias",
        "b/lora_kernel_a",
        "b/lora_kernel_b",
    }


def test_one_weight_that_is_fixed_stays_through_freezes_and_thaws():
    fixed = [("b", "kernel"), ("c", "bias")]
    made = model(fixed=fixed)
    old = made.get_layer("old")

    first = moved(made)
    second = moved(made)

    still = {"b/kernel", "c/bias", "scores/kernel", "scores/bias"}
    for found in (first, second):
        assert found == weights(made).keys() - still
    for name, part in fixed:
        assert not getattr(old.get_layer(name), part).trainable


def test_a_layer_that_is_frozen_inside_a_group_stays():
    made = model(frozen="b")

    found = moved(made, groups=(["a"], ["b", "c"]))

    assert found == {"a/kernel", "a/bias", "c/kernel", "c/bias"}
    assert not made.get_layer("old").get_layer("b").trainable


def test_a_group_that_was_frozen_whole_thaws_like_any_other():
    made = model(frozen="ab")

    assert len(moved(made)) == 6


def test_the_head_is_solved_above_groups_with_fixed_weights():
    made = model(fixed=[("c", "kernel")])
    policy = ThawOnSchedule(first_epoch=2)
    freezing = ElasticFreezing(
        policy, groups=replay_runs.GROUPS, cache="memory"
    )

    made.fit(
        X, Y, validation_data=(X, Y), epochs=3, verbose=0, callbacks=[freezing]
    )

    assert freezing.solved is not None
    assert freezing.history[-1] == (False, False, True)


def test_quantized_layers_and_embeddings_stay_as_they_were():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), dtype="int32")
    words = layers.Embedding(9, 5, name="words")
    x = layers.Flatten()(words(inputs))
    quantized = layers.Dense(6, name="quantized")
    x = layers.Dense(5, name="top")(quantized(x))
    made = keras.Model(inputs, layers.Dense(3, "softmax", name="scores")(x))
    quantized.quantize("int8")
    words.embeddings.trainable = False
    made.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    before = weights(made)
    groups = (["words"], ["quantized"], ["top"])

    x = np.arange(64).reshape(16, 4) % 9
    freezing = ElasticFreezing(ThawOnSchedule(), groups=groups, cache="memory")
    made.fit(x, Y, epochs=5, verbose=0, callbacks=[freezing])

    after = weights(made)
    assert {
        path for path in after if not np.array_equal(after[path], before[path])
    } == {
        "quantized/bias",
        "top/kernel",
        "top/bias",
        "scores/kernel",
        "scores/bias",
    }


def test_batch_normalization_that_is_frozen_stays_where_others_train():
    keras.utils.set_random_seed(0)
    base = image_models.backbone()
    made = image_models.classifier(base)
    made.compile("adam", "sparse_categorical_crossentropy")
    base.get_layer("b_bn").trainable = False
    gamma = base.get_layer("c_bn").gamma
    gamma.trainable = False
    start = {v.path: v.numpy() for v in made.weights}

    x, y = image_models.noise_images(16)
    freezing = ElasticFreezing(ThawAll(), train_batch_normalization=True)
    made.fit(x, y, epochs=2, verbose=0, callbacks=[freezing])

    still = {
        v.path
        for v in made.weights
        if np.array_equal(v.numpy(), start[v.path]) and "bn" in v.path
    }
    assert still == {v.path for v in base.get_layer("b_bn").weights} | {
        gamma.path
    }


def test_a_second_fit_may_train_what_the_first_held_in_inference_mode():
    made = image_models.compiled_classifier()
    x, y = image_models.noise_images(16)
    made.fit(x, y, verbose=0, callbacks=[ElasticFreezing(ThawAll())])
    before = {v.path: v.numpy() for v in made.weights}

    freezing = ElasticFreezing(ThawAll(), train_batch_normalization=True)
    made.fit(x, y, verbose=0, callbacks=[freezing])

    moving = [v for v in made.weights if "moving_mean" in v.path]
    assert all(not np.array_equal(v.numpy(), before[v.path]) for v in moving)


def test_statistics_are_measured_without_thawing_anything():
    base = image_models.backbone()
    made = image_models.classifier(base)
    made.compile("adam", "sparse_categorical_crossentropy")
    layer = base.get_layer("b_bn")
    layer.gamma.trainable = False

    normalization.reestimate(made, [layer], image_models.noise_images(8)[0], 8)

    assert not layer.gamma.trainable and layer.beta.trainable
