"""Does one call adapt a model of two tasks, or of an image and a table?"""

import image_models
import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.layers import Uncertainty
from aet_keras.losses import WeightedByUncertainty

IMAGES, KIND = image_models.noise_images()
TASKS = {"kind": KIND, "light": IMAGES.mean(axis=(1, 2, 3))}
TABLE = IMAGES.mean(axis=(1, 2))


def two_tasks():
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(image_models.backbone()(pixels))
    outputs = {
        "kind": keras.layers.Dense(3, "softmax")(x),
        "light": keras.layers.Dense(1)(x),
    }
    outputs = {n: Uncertainty(name=n)(each) for n, each in outputs.items()}
    made = keras.Model(pixels, outputs)
    costs = {"kind": "sparse_categorical_crossentropy", "light": "mse"}
    costs = {n: WeightedByUncertainty(each) for n, each in costs.items()}
    made.compile(keras.optimizers.Adam(0.01), costs, run_eagerly=True)
    return made


def image_and_table():
    pixels = keras.Input((8, 8, 3), name="pixels")
    table = keras.Input((3,), name="table")
    x = keras.layers.GlobalAveragePooling2D()(image_models.backbone()(pixels))
    x = keras.layers.Concatenate()([x, table])
    x = keras.layers.Dense(3, "softmax")(x)
    made = keras.Model({"pixels": pixels, "table": table}, x)
    made.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    return made


def tune(model, data, **settings):
    return aet_keras.fine_tune(
        model,
        data,
        validation_data=data,
        epochs=3,
        batch_size=16,
        verbose=0,
        **settings,
    )


CASES = {
    "two tasks": (two_tasks, (IMAGES, TASKS), 2),
    "image and table": (
        image_and_table,
        ({"pixels": IMAGES, "table": TABLE}, KIND),
        1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_head_is_solved_and_groups_thaw(case):
    make, data, head_count = CASES[case]

    run = tune(make(), data)

    said = [what for _, what in run.cache_events]
    assert said[0].startswith("records")
    solved = [x for x in said if x.startswith("solved") and "again" not in x]
    assert len(solved) == head_count
    assert any(run.trained_groups[-1]) and run.best_epoch > 0


def test_a_copy_with_attention_learns_what_its_losses_weigh():
    model = two_tasks()

    run = tune(model, (IMAGES, TASKS), attention="se")

    assert run.model is not model
    for name in TASKS:
        weights = run.history[f"{name}_weight"]
        assert np.isfinite(weights).all() and len(set(weights)) == 3
    assert float(model.get_layer("kind").weight()) == 1.0
