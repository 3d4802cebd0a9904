import shutil

import interrupted_runs
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import callbacks


def nothing():
    return []


def fit(data, directory, **settings):
    model = interrupted_runs.build_model()
    checkpoint = callbacks.ElasticCheckpoint(directory, **settings)
    settings = {"epochs": 1, "verbose": 0, "callbacks": [checkpoint]}
    model.fit(**{"shuffle": False} | data, **settings)


def batches():
    x, y = interrupted_runs.noise_rows(8)
    yield x, y


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return interrupted_runs.noise_rows(8)


def from_generator():
    x, y = interrupted_runs.noise_rows(8)
    return tf.data.Dataset.from_generator(
        batches,
        output_signature=(
            tf.TensorSpec((None, 8)),
            tf.TensorSpec((None,), "int32"),
        ),
    )


@pytest.mark.parametrize(
    "make",
    [batches, Batches, from_generator],
    ids=["generator", "PyDataset", "from_generator"],
)
def test_generators_are_refused(make, tmp_path):
    with pytest.raises(ValueError, match=r"come from a generator.*Pass arrays"):
        fit({"x": make()}, tmp_path)


def test_data_that_are_shuffled_without_a_seed_are_refused(tmp_path):
    tf.random.set_seed(None)
    rows = tf.data.Dataset.from_tensor_slices(interrupted_runs.noise_rows(8))

    with pytest.raises(ValueError, match=r"set_random_seed"):
        fit({"x": rows.shuffle(8).batch(4)}, tmp_path)


def test_layers_with_seeds_of_their_own_in_the_data_are_refused(tmp_path):
    noise = keras.layers.GaussianNoise(0.1)
    rows = tf.data.Dataset.from_tensor_slices(
        interrupted_runs.noise_rows(8)
    ).batch(4)
    noisy = rows.map(lambda x, y: (noise(x, training=True), y))

    with pytest.raises(ValueError, match="a state of its own"):
        fit({"x": noisy}, tmp_path)


def test_saves_in_epochs_of_unknown_length_are_refused(tmp_path):
    rows = tf.data.Dataset.from_tensor_slices(interrupted_runs.noise_rows(8))
    some = rows.filter(lambda x, y: y < 2).batch(4)

    with pytest.raises(ValueError, match="assert_cardinality"):
        fit({"x": some}, tmp_path, save_freq=2)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Returns what a killed run has saved, for tests to copy."""
    folder = tmp_path_factory.mktemp("killed")
    interrupted_runs.run_until_killed(folder, (1, 1), make=nothing)
    return folder


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": 9}, "epochs"),
        ({"make": interrupted_runs.all_callbacks}, "callbacks"),
        ({"data": interrupted_runs.dataset_arguments}, "data or their seeds"),
        ({"model": lambda: interrupted_runs.build_model("adam")}, "optimizer"),
    ],
    ids=["epochs", "callbacks", "data", "optimizer"],
)
def test_a_folder_of_another_run_is_refused(change, named, killed, tmp_path):
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)

    with pytest.raises(ValueError, match=f"{named}.*Name another folder"):
        interrupted_runs.run(tmp_path, **{"make": nothing} | change)


def test_a_caller_that_is_not_fit_is_refused(tmp_path):
    model, checkpoint = (
        interrupted_runs.build_model(),
        callbacks.ElasticCheckpoint(tmp_path),
    )
    checkpoint.set_model(model)

    with pytest.raises(ValueError, match=r"Pass it to `model.fit`"):
        checkpoint.on_train_begin()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"save_freq": "batch"}, ValueError),
        ({"save_freq": 0}, ValueError),
        ({"save_freq": 1.5}, TypeError),
        ({"keep": 0}, ValueError),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error):
    with pytest.raises(error, match="ElasticCheckpoint: `"):
        callbacks.ElasticCheckpoint("runs", **arguments)


SHORT = {"make": nothing, "epochs": 3}


def test_a_damaged_save_gives_way_to_the_one_before(tmp_path):
    interrupted_runs.run_until_killed(tmp_path, (2, 1), **SHORT)
    newest = sorted(tmp_path.iterdir())[-1] / "arrays.npz"
    newest.write_bytes(newest.read_bytes()[:-99])

    with pytest.warns(UserWarning, match="passes over a damaged save"):
        run = interrupted_runs.run(tmp_path, **SHORT)

    assert run.checkpoint.resumed_from == (1, 0)
    assert "arrays.npz is not what was written" in run.checkpoint.sentences[0]
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(**SHORT), run
    )


def test_a_run_that_is_killed_in_a_save_goes_on_from_the_one_before(
    tmp_path, monkeypatch
):
    write, count = np.savez, []

    def die_at_the_third(*args, **kwargs):
        count.append(1)
        if len(count) == 3:
            raise interrupted_runs.Killed
        write(*args, **kwargs)

    monkeypatch.setattr(np, "savez", die_at_the_third)
    with pytest.raises(interrupted_runs.Killed):
        interrupted_runs.run(tmp_path, **SHORT)
    monkeypatch.undo()

    run = interrupted_runs.run(tmp_path, **SHORT)

    assert run.checkpoint.resumed_from == (2, 0)
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(**SHORT), run
    )
