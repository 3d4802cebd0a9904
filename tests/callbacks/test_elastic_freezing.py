import image_models
import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawAll, ThawOnSchedule


def convolutions(paths):
    """Returns the blocks whose kernels are among some paths."""
    return "".join(b for b in "abc" if f"{b}_conv/kernel" in paths)


def of_the_backbone(paths):
    return {path for path in paths if not path.startswith("scores")}


def moved_each_epoch(snapshots):
    taken = snapshots.taken
    return [
        image_models.changed_weights(a, b)
        for a, b in zip(taken, taken[1:], strict=False)
    ]


def test_groups_move_exactly_when_they_are_thawed():
    model, freezing, snapshots = (
        image_models.compiled_classifier(),
        image_models.gradual_freezing(),
        None,
    )
    snapshots = image_models.WeightSnapshots()

    image_models.fit(model, freezing, snapshots)

    moved = moved_each_epoch(snapshots)
    assert of_the_backbone(moved[0]) == set()
    assert [convolutions(m) for m in moved] == ["", "c", "bc", "abc"]
    assert all({"scores/kernel", "scores/bias"} <= m for m in moved)
    assert freezing.history[1] == (False, False, True)


def test_batch_normalization_stays_bit_equal_even_in_thawed_groups():
    snapshots = image_models.WeightSnapshots()

    image_models.fit(
        image_models.compiled_classifier(run_eagerly=True),
        ElasticFreezing(ThawAll()),
        snapshots,
        epochs=2,
    )

    moved = image_models.changed_weights(
        snapshots.taken[0], snapshots.taken[-1]
    )
    assert "a_conv/kernel" in moved
    assert not any("bn" in path for path in moved)


def test_batch_normalization_moves_where_asked():
    freezing = ElasticFreezing(ThawAll(), train_batch_normalization=True)
    snapshots = image_models.WeightSnapshots()

    image_models.fit(
        image_models.compiled_classifier(), freezing, snapshots, epochs=1
    )

    moved = image_models.changed_weights(
        snapshots.taken[0], snapshots.taken[-1]
    )
    assert {"a_bn/gamma", "a_bn/moving_mean", "c_bn/moving_variance"} <= moved


def test_a_backbone_frozen_before_compile_ends_with_the_same_weights():
    weights = []
    for frozen in (False, True):
        keras.utils.set_random_seed(0)
        model = image_models.classifier()
        model.get_layer("old").trainable = not frozen
        model.compile(
            "adam", "sparse_categorical_crossentropy", run_eagerly=True
        )
        image_models.fit(model, image_models.gradual_freezing(), epochs=2)
        weights.append(model.get_weights())

    for left, right in zip(*weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_head_keeps_its_optimizer_state_through_every_thaw():
    # The head alone, on features that never change: with and without thaws
    # of groups whose rate is nothing, it must take the same steps.
    heads = []
    for policy in (ThawOnSchedule(first_epoch=9), ThawOnSchedule()):
        keras.utils.set_random_seed(0)
        policy.rate_ratio = 1e-30
        model = image_models.compiled_classifier("adam", run_eagerly=True)
        image_models.fit(model, ElasticFreezing(policy, cache=None), epochs=3)
        heads.append(model.get_layer("scores").get_weights())

    for left, right in zip(*heads, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6)


def test_a_flat_graph_is_cut_below_its_pooling():
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, name="a_conv")(x)
    x = keras.layers.Conv2D(4, 3, strides=2, name="b_conv")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    freezing = image_models.gradual_freezing()

    image_models.fit(model, freezing, epochs=2)

    assert freezing.group_names == ("stem", "b_conv")
    assert freezing.history == [(False, False), (False, True)]


def test_a_sequential_model_needs_no_more_than_the_callback():
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 3)),
            image_models.backbone(),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    freezing = image_models.gradual_freezing()

    image_models.fit(model, freezing, epochs=1)

    assert freezing.group_names == ("stem", "b_conv", "c_conv")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = image_models.backbone("body")
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.scores = keras.layers.Dense(3, "softmax", name="scores")

    def call(self, inputs):
        return self.scores(self.pool(self.body(inputs)))


def test_a_subclassed_model_freezes_by_the_groups_it_names():
    model = Subclassed()
    model(image_models.noise_images(1)[0])
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    snapshots = image_models.WeightSnapshots()
    freezing = image_models.gradual_freezing(
        groups=[["a_conv", "a_bn"], ["c_conv"]]
    )

    image_models.fit(model, freezing, snapshots, epochs=2)

    first, second = moved_each_epoch(snapshots)
    assert not any("a_conv" in p or "c_conv" in p for p in first)
    assert any("c_conv" in p for p in second)
    assert any("b_conv" in p for p in first)  # in no group: it is the head


def test_a_subclassed_model_that_is_not_built_is_told_how():
    model = Subclassed()
    model.compile("adam", "sparse_categorical_crossentropy")

    with pytest.raises(ValueError, match=r"`model\(x\[:1\]\)`"):
        image_models.fit(
            model, image_models.gradual_freezing(groups=[["a_conv"]])
        )


def test_a_subclassed_model_without_groups_is_told_to_name_them():
    model = Subclassed()
    model.compile("adam", "sparse_categorical_crossentropy")

    with pytest.raises(ValueError, match="groups="):
        image_models.fit(model, ElasticFreezing())


def test_two_inputs_and_two_outputs_train():
    base, table = image_models.backbone(), keras.Input((2,), name="table")
    pixels = keras.Input((8, 8, 3), name="pixels")
    x = keras.layers.GlobalAveragePooling2D()(base(pixels))
    x = keras.layers.Concatenate()([x, table])
    outputs = {
        "kind": keras.layers.Dense(3, "softmax", name="kind")(x),
        "size": keras.layers.Dense(1, name="size")(x),
    }
    model = keras.Model({"pixels": pixels, "table": table}, outputs)
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        run_eagerly=True,
    )
    images, labels = image_models.noise_images()
    data = (
        {"pixels": images, "table": images[:, 0, 0, :2]},
        {"kind": labels, "size": labels.astype("float32")},
    )
    freezing = image_models.gradual_freezing()

    image_models.fit(model, freezing, data=data, epochs=2)

    assert freezing.history == [(False,) * 3, (False, False, True)]


def test_changes_are_told_and_logged(capsys):
    freezing = image_models.gradual_freezing(verbose=1)

    history = image_models.fit(
        image_models.compiled_classifier(run_eagerly=True), freezing, epochs=2
    ).history

    assert history["elastic_freezing/trained_groups"] == [0, 1]
    told = "ElasticFreezing: after epoch 1 thawed c_conv: epoch 1 of the"
    assert told in capsys.readouterr().out
    assert [epoch for epoch, _ in freezing.events] == [0, 1]


def test_both_callbacks_work_in_either_order():
    histories = []
    for order in (1, -1):
        keras.utils.set_random_seed(0)
        pair = [
            image_models.gradual_freezing(),
            aet_keras.callbacks.AdaptiveLearningRate(),
        ]
        history = image_models.fit(
            image_models.compiled_classifier(run_eagerly=True),
            *pair[::order],
            epochs=2,
        ).history
        histories.append(history)

    for key in ("loss", "adaptive_learning_rate/rate"):
        np.testing.assert_array_equal(histories[0][key], histories[1][key])


class Fail(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def test_a_fit_after_an_interrupted_one_frees_the_optimizer():
    model, first, second = (
        image_models.compiled_classifier(),
        image_models.gradual_freezing(),
        image_models.gradual_freezing(),
    )
    with pytest.raises(KeyboardInterrupt):
        image_models.fit(model, first, Fail())

    image_models.fit(model, second, epochs=1)

    assert "update_step" not in vars(model.optimizer)
    assert second.history == [(False, False, False)]


def test_a_run_that_stops_early_has_no_thaw_it_never_trained():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    model, freezing = (
        image_models.compiled_classifier(run_eagerly=True),
        image_models.gradual_freezing(),
    )

    image_models.fit(model, Stop(), freezing)

    assert [epoch for epoch, _ in freezing.events] == [0]
    assert not model.get_layer("old").get_layer("c_conv").trainable


def test_a_policy_of_the_rate_is_refused_by_name():
    with pytest.raises(ValueError, match="to `AdaptiveLearningRate`"):
        ElasticFreezing(aet_keras.policies.AdaptToTrend())


@pytest.mark.parametrize(
    ("groups", "advice"),
    [
        ([], "at least one group"),
        ("old", "each a sequence of layers"),
        ([["a_conv"], ["old"]], "inside a layer of another"),
        ([[keras.layers.Dense(1, name="other")]], "take them from it"),
    ],
    ids=["none", "a word", "nested", "another model's"],
)
def test_groups_that_cannot_be_meant_are_refused(groups, advice):
    with pytest.raises(ValueError, match=advice):
        image_models.fit(
            image_models.compiled_classifier(),
            image_models.gradual_freezing(groups=groups),
        )


def test_groups_and_backbone_together_are_refused():
    with pytest.raises(ValueError, match="Drop one"):
        ElasticFreezing(groups=[["a"]], backbone="old")


def test_a_policy_that_is_none_is_refused_by_type():
    with pytest.raises(TypeError, match="`policy` must be a `Policy`"):
        ElasticFreezing("stall")


def test_a_model_saved_after_fit_loads_with_the_users_optimizer(tmp_path):
    model = image_models.compiled_classifier("adamw")
    image_models.fit(model, ElasticFreezing(ThawAll()), epochs=1)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert type(loaded.optimizer) is keras.optimizers.AdamW
    assert loaded.optimizer.iterations.numpy() == 4
    assert loaded.trainable_weights[0].shape == model.trainable_weights[0].shape
