import socket

import numpy as np
import pytest
import tensorflow_datasets as tfds

from aet_keras.data.image_reading import read_image_tfds
from aet_keras.data.tfds_source import find_features, find_splits
from aet_keras.errors import DataError

COUNTS = {"train": 20, "test": 8, "extra": 4}


class DarkAndLight(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    # TFDS looks for the package of a builder; a test is in none.
    __module__ = "__main__"

    def _info(self):
        features = {
            "photo": tfds.features.Image(shape=(None, None, 3)),
            "kind": tfds.features.ClassLabel(names=["dark", "light"]),
            "weight": tfds.features.Scalar(np.float32),
        }
        features = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(n) for name, n in COUNTS.items()}

    def _generate_examples(self, count):
        for row in range(count):
            photo = np.full((6, 5, 3), 200 * (row % 2), "uint8")
            yield row, {"photo": photo, "kind": row % 2, "weight": 1.0}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    DarkAndLight(data_dir=folder).download_and_prepare()
    return folder


class Unreachable(DarkAndLight):
    __module__ = "__main__"

    def _split_generators(self, dl_manager):
        raise ConnectionError("Max retries exceeded")


class Demanding(DarkAndLight):
    __module__ = "__main__"

    def _split_generators(self, dl_manager):
        raise ModuleNotFoundError("No module", name="pydub")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_prepared_data_set_is_read_without_a_network(
    prepared, monkeypatch, no_network
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))

    dataset = read_image_tfds("dark_and_light", image_size=(4, 4))

    parts = dataset.train, dataset.validation, dataset.test
    assert [part.count for part in parts] == [16, 4, 8]
    assert dataset.specification.class_names == ("dark", "light")
    for part in parts:
        np.testing.assert_array_equal(
            part.inputs[:, 0, 0, 0], 200 * part.labels
        )


def test_rows_come_in_the_same_order_each_time(prepared, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))

    first, second = (
        read_image_tfds("dark_and_light", image_size=(4, 4)) for _ in range(2)
    )

    np.testing.assert_array_equal(first.train.labels, second.train.labels)
    assert first.train.names == second.train.names


def test_splits_that_are_not_used_are_mentioned(prepared, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))

    dataset = read_image_tfds("dark_and_light", image_size=(4, 4))

    assert dataset.notes[0] == "The split `extra` was left out."


def test_a_data_set_that_would_be_downloaded_says_so_offline(
    tmp_path, monkeypatch, no_network
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    with pytest.raises(DataError, match="no network. Prepare it once where"):
        read_image_tfds("mnist", image_size=(4, 4))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("unreachable", "Without a network: Prepare it once"),
        ("demanding", "Run `pip install pydub`"),
        ("mnits", "Nearest: `mnist`"),
        ("mnist/none:9.9.9", "Write `tfds:NAME`"),
    ],
)
def test_a_data_set_that_cannot_be_had_says_what_to_do(
    tmp_path, monkeypatch, name, advice
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    with pytest.raises(DataError, match=advice):
        read_image_tfds(name, image_size=(4, 4))


def test_a_data_set_without_classes_is_refused():
    features = {"image": tfds.features.Image(), "text": tfds.features.Text()}

    with pytest.raises(DataError, match="one `ClassLabel`.*to a folder"):
        find_features(features, "tfds:x")


def test_a_data_set_without_train_is_refused():
    with pytest.raises(DataError, match="a split `train`. Received: `test`"):
        find_splits(["test"], "tfds:x")


def test_images_are_streamed_from_the_files_of_tfds(prepared, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))

    held, streamed = (
        read_image_tfds("dark_and_light", image_size=(4, 4), stream=stream)
        for stream in (False, True)
    )

    assert streamed.notes == held.notes
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(streamed, name), getattr(held, name)
        assert ours.names == theirs.names
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_array_equal(ours.inputs[:], theirs.inputs)
