"""Does a second run take what the first one left in a folder, and no more?"""

import errno
import os
import shutil
import sys
import tempfile

import keras
import numpy as np
import pytest
import replay_runs
import tensorflow as tf
from keras import layers

CALLS = []
# One epoch records, or takes what there is; the next one replays it.
SETTINGS = {"epochs": 2, "validation_data": replay_runs.noise_rows(5, 2)}


class Watched(layers.Dense):
    """Says how many rows it was called on."""

    def call(self, x, training=None):
        CALLS.append(x.shape[0])
        return super().call(x)


Watched.__module__ = "aet_keras.watched"  # as if its code could not change


class Own(layers.Dense):
    """A layer of the user's, whose code may change."""


def watched(kind=Watched, seed=0, activation="tanh", dtype=None):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8,))
    x = inputs / 2.0
    for name in "abc":
        own = kind if name == "a" else layers.Dense
        x = own(6, activation, name=name, dtype=dtype)(x)
    return replay_runs.build_model(keras.Model(inputs, x, name="old"))


def run(folder, make=watched, **settings):
    """Trains as `replayed.run` does; returns it, and the rows computed."""
    CALLS.clear()
    settings = {**SETTINGS, **settings}
    found = replay_runs.run(make, cache=folder, **settings)
    return found, sum(count or 0 for count in CALLS)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Returns what a first run left in a folder, for tests to copy."""
    folder = tmp_path_factory.mktemp("features")
    return folder, run(folder)[0]


@pytest.fixture
def first(first_run, tmp_path):
    """Returns a first run, which left its features in `tmp_path`."""
    folder, found = first_run
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return found


def test_a_second_run_computes_next_to_nothing_and_ends_equal(tmp_path):
    first, computed = run(tmp_path / "features", epochs=3)  # thaws in the last

    again, computed_again = run(tmp_path / "features", epochs=3)

    replay_runs.check_equal(first, again)
    assert first.cached == again.cached == [3, 3, 2]
    assert (
        again.said[1] == f"took 17 rows from {tmp_path / 'features'}, added 0"
    )
    # To set up a graph, and once a side to hold features against.
    assert computed - computed_again == 17
    assert list(tmp_path.rglob(".aside-*")) == []


def test_an_uncached_run_ends_like_one_on_kept_features(first, tmp_path):
    again, _ = run(tmp_path)

    plain = replay_runs.run(watched, cache=None, **SETTINGS)
    replay_runs.check_equal(plain, again)


def test_runs_of_one_epoch_share_features_too(tmp_path):
    first, computed = run(tmp_path, epochs=1)

    again, computed_again = run(tmp_path, epochs=1)

    replay_runs.check_equal(first, again)
    assert first.cached == again.cached == [3]
    assert computed - computed_again >= 17


OTHERS = {
    "weights": {"make": lambda: watched(seed=1)},
    "settings": {"make": lambda: watched(activation="relu")},
    "a dtype of the layers": {"make": lambda: watched(dtype="float16")},
    "rows": {
        "data": lambda: replay_runs.batches().map(lambda x, y: (x + 1.0, y)),
        "validation_data": None,
    },
    "the code of a layer": {"make": lambda: watched(Own)},
}


@pytest.mark.parametrize("other", OTHERS)
def test_features_are_stale_where_anything_else_made_them(
    other, first, tmp_path
):
    again, _ = run(tmp_path, **OTHERS[other])

    assert again.cached == [3, 3]
    assert not [each for each in again.said if "took 1" in each]


def test_a_layer_with_a_function_of_the_users_is_computed_anew(tmp_path):
    def steep(x):
        return keras.ops.tanh(2.0 * x)

    def make():
        return watched(activation=steep)

    run(tmp_path, make)

    again, _ = run(tmp_path, make)

    assert again.cached == [3, 3]
    assert not [each for each in again.said if "took" in each]


def test_more_rows_are_added_to_those_that_are_there(tmp_path):
    run(tmp_path, validation_data=None)

    again, _ = run(tmp_path, data=lambda: replay_runs.batches(20))

    took = next(each for each in again.said if each.startswith("took"))
    assert took.endswith("added 8")


def test_a_folder_that_cannot_be_written_is_said_and_harmless(tmp_path):
    (tmp_path / "file").write_text("in the place of a folder")

    again, _ = run(tmp_path / "file" / "features")

    assert "keeps nothing for other runs: " in again.why
    assert again.cached == [3, 3]


def test_features_are_taken_from_where_nothing_can_be_written(
    first, tmp_path, monkeypatch
):
    make = tempfile.TemporaryFile

    def refuse(*args, dir, **settings):
        if str(dir) == str(tmp_path):
            raise OSError(errno.EROFS, "Read-only file system")
        return make(*args, dir=dir, **settings)

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)

    again, _ = run(tmp_path)

    assert f"took 17 rows from {tmp_path}, added 0" in again.said
    check_bit_equal(first, again)


def test_a_full_disk_is_said_and_harmless(tmp_path, monkeypatch):
    def refuse(*args, **settings):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "rename", refuse)

    again, _ = run(tmp_path, epochs=1)

    assert again.why == "keeps nothing for other runs: the disk is full"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_damaged_rows_are_computed_again_and_said(first, tmp_path):
    for path in tmp_path.rglob("rows.bin"):
        raw = path.read_bytes()
        path.write_bytes(raw[:9] + bytes([raw[9] ^ 1]) + raw[10:])

    again, _ = run(tmp_path)

    check_bit_equal(first, again)
    said = next(each for each in again.said if each.startswith("cannot use"))
    assert "rows.bin is not what was written" in said
    assert not [each for each in again.said if "took 17" in each]


def check_bit_equal(one, other):
    replay_runs.check_equal(one, other, rtol=0, atol=0)


def repeated():
    """Returns rows of which some come again, in batches of other sizes."""
    x, y = (
        np.concatenate([each, each[:7]]) for each in replay_runs.noise_rows(12)
    )
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_cold_and_a_warm_run_end_bit_equal(dtype, tmp_path):
    settings = {
        "own": {"cache_dtype": dtype},
        "data": repeated,
    }

    cold, _ = run(tmp_path, **settings)
    warm, _ = run(tmp_path, **settings)

    assert warm.said[1].startswith("took ")
    check_bit_equal(cold, warm)


def test_a_run_that_finds_half_of_its_rows_ends_as_when_it_finds_all(tmp_path):
    settings = {"own": {"cache_dtype": "float16"}, "data": repeated}
    run(tmp_path, own={"cache_dtype": "float16"}, data=replay_runs.batches)

    half, _ = run(tmp_path, **settings)
    warm, _ = run(tmp_path, **settings)

    check_bit_equal(half, warm)


def test_layers_of_another_version_of_a_package_are_computed_anew(
    first, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys.modules["aet_keras"], "__version__", "0.0.0")

    again, _ = run(tmp_path)

    replay_runs.check_equal(first, again)
    assert not [each for each in again.said if "took 1" in each]


def test_features_of_another_rounding_are_computed_anew(first_run, tmp_path):
    run(tmp_path, own={"cache_dtype": "bfloat16"})

    exact, _ = run(tmp_path)

    replay_runs.check_equal(first_run[1], exact)
    assert not [each for each in exact.said if "took 1" in each]


def test_frozen_weights_that_were_written_leave_nothing(tmp_path):
    class Write(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            layer = self.model.get_layer("old").get_layer("a")
            layer.kernel.assign_add(0.1 * np.ones((8, 6), "float32"))

    run(tmp_path, also=[Write])

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
