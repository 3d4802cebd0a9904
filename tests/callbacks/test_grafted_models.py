"""Do grafted layers train with the head, in the group they stand in?"""

import image_models
import keras
import numpy as np
import pytest

import aet_keras
from aet_keras import backbones, layers


def grafted(after=("b_relu",)):
    model = backbones.graft(
        image_models.classifier(), layers.SqueezeExcite, after=list(after)
    )
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def is_new(path):
    return "graft_" in path


def test_grafted_layers_train_while_their_group_is_frozen():
    model, taken = grafted(), image_models.WeightSnapshots()

    freezing = image_models.gradual_freezing()
    image_models.fit(model, freezing, taken, epochs=1)

    moved = image_models.changed_weights(taken.taken[0], taken.taken[1])
    assert freezing.history == [(False, False, False)]
    assert any(is_new(path) for path in moved)
    assert all(is_new(p) or "scores" in p for p in moved)


def test_a_graft_leaves_the_groups_their_names():
    plain, with_graft = (
        image_models.gradual_freezing(),
        image_models.gradual_freezing(),
    )

    image_models.fit(
        image_models.compiled_classifier(run_eagerly=True), plain, epochs=1
    )
    image_models.fit(
        grafted(("a_relu", "b_relu", "c_relu")), with_graft, epochs=1
    )

    assert with_graft.group_names == plain.group_names


def test_what_lies_below_the_first_graft_is_replayed():
    model = grafted()

    freezing = image_models.gradual_freezing()
    image_models.fit(model, freezing, epochs=3)

    # the graft moves with the head; two groups of three lie below it
    counts = model.history.history["elastic_freezing/cached_groups"]
    assert freezing.history[0] == (False, False, False)
    assert counts[0] == 2


def test_a_loaded_model_still_knows_its_grafts(tmp_path):
    model = grafted()
    x, _ = image_models.noise_images(4)
    model.save(tmp_path / "grafted.keras")

    loaded = keras.models.load_model(tmp_path / "grafted.keras", compile=False)
    loaded.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    taken = image_models.WeightSnapshots()

    np.testing.assert_array_equal(model(x), loaded(x))
    image_models.fit(loaded, image_models.gradual_freezing(), taken, epochs=1)

    moved = image_models.changed_weights(taken.taken[0], taken.taken[1])
    assert any(is_new(path) for path in moved)


def test_fine_tune_grafts_into_a_copy():
    model = image_models.compiled_classifier(metrics=["accuracy"])
    before = model.get_weights()
    data = image_models.noise_images()

    run = aet_keras.fine_tune(
        model,
        data,
        validation_data=data,
        epochs=2,
        attention="se",
        batch_size=8,
        verbose=0,
    )

    body = run.model.get_layer("old")
    assert any(backbones.is_grafted(each) for each in body.layers)
    assert "val_accuracy" in run.history
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_fine_tune_wants_a_compiled_model_to_graft():
    model = image_models.classifier()
    data = image_models.noise_images()

    with pytest.raises(ValueError, match=r"Call `model\.compile\(\.\.\.\)`"):
        aet_keras.fine_tune(model, data, validation_data=data, attention="se")


def test_an_anchor_leaves_new_layers_free():
    model = grafted()
    anchor = aet_keras.callbacks.ElasticAnchor(0.1)

    image_models.fit(model, image_models.gradual_freezing(), anchor, epochs=1)

    # all that is pretrained stood still; only the graft and the head moved
    distances = model.history.history["elastic_anchor/distance"]
    assert distances == [0.0]
