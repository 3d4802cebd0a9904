"""Which weights of which models does an ElasticAnchor hold?"""

import image_models
import keras
import numpy as np
import pytest

from aet_keras.callbacks import ElasticAnchor


def test_the_backbone_is_found_by_itself_and_its_statistics_are_not_held():
    model = image_models.compiled_classifier(run_eagerly=True)
    snapshots = image_models.WeightSnapshots()

    logs = image_models.fit(model, ElasticAnchor(), snapshots, epochs=1).history

    before, after = snapshots.taken
    names = ("kernel", "bias", "gamma", "beta")
    held = {p for p in before if "scores" not in p and p.endswith(names)}
    square = sum(((after[p] - before[p]) ** 2).sum() for p in held)
    np.testing.assert_allclose(
        logs["elastic_anchor/distance"], square**0.5, rtol=1e-4
    )
    assert len(held) == 12


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"strength": -1.0}, "at least 0"),
        ({"head_strength": -1.0}, "at least 0"),
        ({"fisher_count": 0}, "at least 1"),
        ({"groups": [["a"]], "backbone": "old"}, "Drop one"),
        ({"head_strength": None, "backbone": "old"}, "Drop them"),
        ({"fisher_data": image_models.noise_images(4)}, "to hold the head too"),
    ],
    ids=["strength", "head", "count", "both", "no head", "fisher"],
)
def test_what_cannot_be_meant_is_refused(settings, advice):
    with pytest.raises(ValueError, match=advice):
        ElasticAnchor(**settings)


def test_a_backbone_without_a_head_is_held_throughout():
    model = image_models.backbone()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    pixels, _ = image_models.noise_images(8)

    history = image_models.fit(
        model,
        ElasticAnchor(head_strength=9.0),
        epochs=1,
        data=(pixels, np.zeros((8, 1, 1, 6))),
    ).history

    assert history["elastic_anchor/penalty"] == [0.0]


def test_a_model_that_is_all_head_is_refused_with_advice():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")

    with pytest.raises(ValueError, match="ElasticAnchor: .* `backbone=`"):
        model.fit(np.ones((4, 3)), np.zeros(4), callbacks=[ElasticAnchor()])
