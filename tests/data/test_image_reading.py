import image_folders
import numpy as np
import pytest

from aet_keras.data import read_images
from aet_keras.errors import DataError


def test_digits_are_read_by_name():
    dataset = read_images("digits", image_size=(8, 8), test_ratio=0.3)

    assert dataset.specification.source == "digits"
    assert dataset.test.count > 500


def test_a_folder_is_read_by_path(tmp_path):
    folder = image_folders.copy_images(tmp_path / "digits")

    dataset = read_images(folder, image_size=(8, 8))

    assert dataset.train.count == 60


def test_an_npz_is_read_by_path(tmp_path):
    path = tmp_path / "two.NPZ"
    images = np.zeros((12, 4, 4, 3), "uint8")
    with path.open("wb") as file:
        np.savez(file, images=images, labels=np.arange(12) % 2)

    dataset = read_images(str(path), image_size=(4, 4))

    assert dataset.specification.class_names == ("0", "1")


def test_skip_bad_reaches_the_folder_reader(tmp_path):
    folder = image_folders.copy_images(tmp_path / "photos")
    image_folders.add_bad_files(folder)

    dataset = read_images(folder, image_size=(8, 8), skip_bad=True)

    assert len(dataset.notes) == 1


@pytest.mark.parametrize(
    ("typo", "nearest"), [("digit", "digits"), ("photo", "photos")]
)
def test_a_typo_names_the_nearest_source(tmp_path, monkeypatch, typo, nearest):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()

    with pytest.raises(DataError, match=f"Nearest: `{nearest}`"):
        read_images(typo, image_size=(8, 8))


def test_a_file_of_another_kind_says_what_is_accepted(tmp_path):
    path = tmp_path / "images.zip"
    path.touch()

    with pytest.raises(DataError, match="an .npz file, shards, or a folder"):
        read_images(path, image_size=(8, 8))


@pytest.mark.parametrize("size", [8, (8,), "big", (8, 0)], ids=str)
def test_a_size_that_is_no_pair_is_refused(size):
    with pytest.raises((TypeError, ValueError), match="image_size"):
        read_images("digits", image_size=size)
