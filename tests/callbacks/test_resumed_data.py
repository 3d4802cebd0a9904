"""Does a resumed run see the rows that the killed one would have seen?"""

import functools

import interrupted_runs
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import data

pytestmark = pytest.mark.tuned  # whatever is read, as users read it


def repeated():
    return interrupted_runs.dataset_arguments(
        lambda r: r.shuffle(20, seed=3).repeat().batch(4)
    )


def kept_shuffled():
    return interrupted_runs.dataset_arguments(
        lambda r: r.shuffle(20, seed=3).cache().batch(4)
    )


def augmented():
    rows, labels = interrupted_runs.noise_rows(20)
    split = data.Split(rows, labels, tuple(map(str, range(20))))
    noise = keras.layers.GaussianNoise(1.0, seed=3)
    batches = data.make_batches(
        split, batch_size=4, shuffle_seed=3, augment=noise
    )
    return {"x": batches, "shuffle": False}


@pytest.mark.parametrize(
    ("made", "settings"),
    [
        (repeated, {"steps_per_epoch": 4}),
        (kept_shuffled, {}),
        (interrupted_runs.dataset_arguments, {}),
        (
            interrupted_runs.array_arguments,
            {"initial_epoch": 1, "validation_freq": 2},
        ),
        (
            augmented,
            {"make": functools.partial(interrupted_runs.all_callbacks, None)},
        ),
    ],
    ids=["repeated", "kept", "data set", "later", "augmented"],
)
def test_the_order_of_the_data_comes_back(made, settings, tmp_path):
    settings = {"data": made, "epochs": 3, "save_freq": 2, **settings}
    whole, saves = interrupted_runs.run_and_copy(tmp_path, [(1, 2)], **settings)

    run = interrupted_runs.run(saves[1, 2], **settings)

    assert run.checkpoint.resumed_from == (1, 2)
    interrupted_runs.check_equal(whole, run)


def test_data_of_unknown_length_come_back_by_the_epoch(tmp_path):
    def some():
        return interrupted_runs.dataset_arguments(
            lambda r: r.shuffle(20, seed=3).filter(lambda x, y: y < 2).batch(4)
        )

    settings = {"data": some, "make": list, "epochs": 3}
    with pytest.warns(UserWarning, match="ran out of data"):
        whole, saves = interrupted_runs.run_and_copy(
            tmp_path, [(1, 2)], **settings
        )
        run = interrupted_runs.run(saves[1, 2], **settings)

    interrupted_runs.check_equal(whole, run)


def test_shuffled_validation_data_come_back(tmp_path):
    def validation():
        rows = tf.data.Dataset.from_tensor_slices(
            interrupted_runs.noise_rows(8)
        )
        return rows.shuffle(8, seed=5).batch(3)

    def make():
        return interrupted_runs.all_callbacks(cache=None)

    settings = {"make": make, "epochs": 3}
    whole, saves = interrupted_runs.run_and_copy(
        tmp_path, [(1, 2)], validation_data=validation(), **settings
    )

    run = interrupted_runs.run(
        saves[1, 2], validation_data=validation(), **settings
    )

    interrupted_runs.check_equal(whole, run)


def test_augmented_passes_are_recorded_anew(tmp_path):
    settings = {"save_freq": 2, "epochs": 4}
    settings["make"] = lambda: interrupted_runs.all_callbacks(views=2)
    interrupted_runs.run_until_killed(tmp_path, (3, 3), **settings)

    run = interrupted_runs.run(tmp_path, **settings)

    assert run.checkpoint.resumed_from == (3, 2)
    assert len(run.history["loss"]) == 4
    assert np.isfinite(run.history["loss"]).all()
