import gc
import weakref

import image_models
import keras
import numpy as np
import pytest
import replay_runs

from aet_keras.backbones import group_layers
from aet_keras.engine import Engine
from aet_keras.policies import Decision


def steered(optimizer="adam"):
    model = image_models.compiled_classifier(optimizer)
    engine = Engine.of(model)
    engine.control(group_layers(model)[:-1])
    return model, engine


def trainable_layers(model):
    return {w.path.split("/")[0] for w in model.trainable_weights}


def test_a_model_has_one_engine():
    model = image_models.compiled_classifier()

    assert Engine.of(model) is Engine.of(model)
    assert Engine.of(model) is not Engine.of(image_models.compiled_classifier())


def test_an_engine_does_not_keep_its_model_alive():
    model = image_models.compiled_classifier()
    Engine.of(model)
    gone = weakref.ref(model)

    del model
    gc.collect()

    assert gone() is None


def test_an_interrupted_fit_does_not_keep_its_model_alive():
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            held.append(Engine.of(self.model).cached_bytes)
            held.append(weakref.ref(self.model))
            raise KeyboardInterrupt

    held = []
    try:  # `pytest.raises` would keep the frames, and the model with them
        replay_runs.run(replay_runs.build_model, also=[Interrupt])
    except KeyboardInterrupt:
        pass
    gc.collect()

    recorded, model = held
    assert recorded > 0
    assert model() is None


def test_an_old_name_of_a_member_is_found_with_a_warning():
    _, engine = steered()

    with pytest.warns(DeprecationWarning, match="is now `Engine.get_state`"):
        assert engine.read_state()["missed"] == [[0, 0, 0], [None] * 3]
    with pytest.raises(AttributeError, match="no attribute 'solve'"):
        engine.solve  # noqa: B018


@pytest.mark.parametrize("change", [{"kept": None, "more": 1}, {"more": 1}])
def test_a_state_of_another_version_is_refused(change):
    _, engine = steered()
    state = {**engine.get_state(), **change}
    del state["missed"]

    with pytest.raises(ValueError, match="must have the entries.*Resume with"):
        engine.set_state(state)


def test_a_model_that_is_not_compiled_is_refused():
    with pytest.raises(ValueError, match=r"Call `model.compile"):
        Engine.of(image_models.classifier())


def test_a_decision_freezes_and_thaws_by_group():
    model, engine = steered()

    frozen = engine.apply(Decision(trainable=(False, False, True), why="x"))
    thawed = engine.apply(Decision(trainable=(False, True, True), why="y"))

    assert str(frozen) == "froze stem, b_conv: x"
    assert str(thawed) == "thawed b_conv: y"
    assert trainable_layers(model) == {"b_conv", "c_conv", "scores"}


def test_a_decision_that_changes_nothing_keeps_the_train_function():
    model, engine = steered()
    engine.apply(Decision(trainable=(True, False, True)))
    function = model.train_function

    change = engine.apply(Decision(trainable=(True, False, True), rate=0.5))

    assert change is None
    assert model.train_function is function
    assert engine.rate == 0.5


@pytest.mark.parametrize("field", ["trainable", "multipliers"])
def test_a_decision_of_another_length_is_refused(field):
    _, engine = steered()

    with pytest.raises(ValueError, match="each of 3 groups. Received: 1"):
        engine.apply(Decision(**{field: (1,)}))


def test_layers_the_user_froze_above_the_groups_stay_frozen():
    base = image_models.backbone()
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(pixels))
    x = keras.layers.Dense(4, name="kept", trainable=False)(x)
    model = keras.Model(pixels, keras.layers.Dense(3, name="scores")(x))
    model.compile("adam", "mse")

    Engine.of(model).control(group_layers(model)[:-1])

    assert "kept" not in trainable_layers(model)
    assert "scores" in trainable_layers(model)


def test_a_head_that_is_frozen_is_refused():
    model = image_models.compiled_classifier()
    model.get_layer("scores").trainable = False
    groups = group_layers(model)[:-1]

    with pytest.raises(ValueError, match="thaw it before `fit`"):
        Engine.of(model).control(groups)

    assert len(model.trainable_weights) == 12  # left as it was


def test_an_optimizer_with_averages_of_its_own_is_refused_by_name():
    model = image_models.compiled_classifier(
        keras.optimizers.ScheduleFreeAdamW()
    )

    with pytest.raises(ValueError, match="such as AdamW") as caught:
        Engine.of(model).control(group_layers(model)[:-1])

    assert "groups of ScheduleFreeAdamW" in str(caught.value)


def test_an_optimizer_that_takes_no_subset_is_refused_by_name():
    model = image_models.classifier()
    parts = [
        (keras.optimizers.SGD(), [model.get_layer("old")]),
        (keras.optimizers.Adam(), [model.get_layer("scores")]),
    ]
    model.compile(keras.optimizers.MultiOptimizer(parts), "mse")

    with pytest.raises(ValueError, match="takes no subset of its weights"):
        Engine.of(model).control(group_layers(model)[:-1])


@pytest.mark.parametrize("is_scaled", [False, True])
def test_an_optimizer_that_forgets_pretrained_weights_is_refused(is_scaled):
    class Own(keras.optimizers.Ftrl):
        pass

    kernel, forgetful = keras.Variable(np.ones(2, "float32")), Own()
    forgetful.build([kernel])
    forgetful.apply([np.zeros(2, "float32")], [kernel])
    model = image_models.classifier()
    loss_scaled = keras.optimizers.LossScaleOptimizer(Own())
    model.compile(loss_scaled if is_scaled else Own(), "mse")

    # A gradient of 0, and what was known is gone.
    np.testing.assert_array_equal(kernel, 0)
    with pytest.raises(ValueError, match="forgets what they were"):
        Engine.of(model).control(group_layers(model)[:-1])


def test_a_second_run_counts_the_steps_a_group_has_missed():
    model, engine = steered()
    client = image_models.WeightSnapshots()
    engine.attach(client)
    engine.apply(Decision(trainable=(False,) * 3))
    image_models.fit(model, epochs=1)
    engine.detach(client)

    engine.control(group_layers(model)[:-1])

    _, _, skipped = engine.get_state()["variables"]
    np.testing.assert_array_equal(skipped, [4.0, 4.0, 4.0])


def test_the_last_client_to_leave_frees_the_optimizer():
    model, engine = steered()
    first, second = (
        image_models.WeightSnapshots(),
        image_models.WeightSnapshots(),
    )
    engine.attach(first)
    engine.attach(second)

    engine.detach(first)
    held = "update_step" in vars(model.optimizer)
    engine.detach(second)

    assert held
    assert "update_step" not in vars(model.optimizer)
    assert model.train_function is None


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_records_say_how_many_bytes_they_take(dtype):
    held = []

    class Note(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            held.append(Engine.of(self.model).cached_bytes)

    again = replay_runs.run(
        replay_runs.build_model,
        also=[Note],
        own={"cache_dtype": dtype},
        validation_data=replay_runs.batches(),
    )

    # Of 12 rows to train on and 12 to validate on: the features of `c`, of
    # `b` and `a` for when what is above them moves, and an int32 label.
    width = np.dtype(dtype).itemsize
    assert held[0] == 24 * ((5 + 6 + 7) * width + 4)
    assert Engine.of(again.model).cached_bytes == 0
