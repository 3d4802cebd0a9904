"""Are images that are streamed those of the array, and read alike?"""

import shutil

import image_folders
import numpy as np
import pytest

from aet_keras import _memory
from aet_keras.data import image_decoding, make_batches, streamed_images
from aet_keras.data.image_reading import read_image_folder
from aet_keras.data.splits import SPLITS
from aet_keras.drift.row_batches import sample_inputs
from aet_keras.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Returns a folder with unusual and bad images, and one that is twice."""
    folder = image_folders.copy_images(tmp_path / "photos")
    image_folders.add_unusual_images(folder)
    image_folders.add_bad_files(folder)
    for path in sorted((folder / "one").glob("*.png"))[:6]:
        shutil.copy(path, folder / "one" / f"again-{path.name}")
    return folder


def read(folder, **options):
    options = {"skip_bad": True, **options}
    return read_image_folder(folder, image_size=(8, 8), **options)


@pytest.fixture
def decoded(monkeypatch):
    """Returns a list of what is decoded from an index."""
    found = []

    def decode(source, image_size):
        found.append(source)
        return image_decoding.decode(source, image_size)

    monkeypatch.setattr(streamed_images, "decode", decode)
    return found


def test_a_streamed_folder_is_the_same_data_set(folder):
    expected, dataset = read(folder, stream=False), read(folder, stream=True)

    assert dataset.notes == expected.notes
    assert "in more than one split" in " ".join(dataset.notes)
    assert dataset.specification == expected.specification
    for name in SPLITS:
        held, split = getattr(expected, name), getattr(dataset, name)
        assert split.names == held.names
        np.testing.assert_array_equal(split.labels, held.labels)
        assert repr(split) == repr(held)
        np.testing.assert_array_equal(split.inputs[:], held.inputs)


def test_an_image_in_two_classes_is_named(folder):
    shutil.copy(folder / "five" / "0005.png", folder / "one" / "other.png")

    expected, dataset = read(folder, stream=False), read(folder, stream=True)

    (said,) = [each for each in dataset.notes if "more than one class" in each]
    assert said.startswith("1 image has more than one class, such as ")
    assert "five/0005.png" in said and "one/other.png" in said
    assert dataset.notes == expected.notes


def test_images_in_two_splits_are_counted(folder):
    dataset = read(folder, stream=True)

    sums = [
        {image.tobytes() for image in getattr(dataset, name).inputs[:]}
        for name in SPLITS
    ]
    train, validation, test = sums
    count = len(validation & train) + len(test & (train | validation))
    assert f"{count} image" in dataset.notes[-1]


def test_batches_are_those_of_the_array_and_decode_no_more(folder, decoded):
    expected, dataset = read(folder, stream=False), read(folder, stream=True)
    options = {"batch_size": 7, "shuffle_seed": 3}

    streamed = make_batches(dataset.train, **options)
    held = make_batches(expected.train, **options)

    for _ in range(2):
        for ours, theirs in zip(streamed, held, strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
            np.testing.assert_array_equal(ours[1], theirs[1])
    assert len(decoded) == 2 * dataset.train.count


@pytest.mark.parametrize(
    ("key", "count"),
    [(3, 1), (slice(2, 5), 3), (np.array([4, 0]), 2), (slice(0), 0)],
    ids="number slice numbers none".split(),
)
def test_an_index_decodes_what_it_asks_for(folder, decoded, key, count):
    expected = read(folder, stream=False).train.inputs[key]

    images = read(folder, stream=True).train.inputs

    np.testing.assert_array_equal(images[key], expected)
    assert len(decoded) == count


def test_a_sample_is_that_of_the_array(folder, decoded):
    expected, dataset = read(folder, stream=False), read(folder, stream=True)

    sample = sample_inputs(dataset.train.inputs, 10)

    np.testing.assert_array_equal(
        sample, sample_inputs(expected.train.inputs, 10)
    )
    assert len(decoded) == 10


@pytest.mark.parametrize(
    ("free", "is_streamed"), [(10**4, True), (10**6, False)]
)
def test_free_memory_decides_and_that_is_said(
    folder, monkeypatch, free, is_streamed
):
    monkeypatch.setattr(
        "aet_keras.data.image_storage.free_memory", lambda: free
    )

    dataset = read(folder)

    found = isinstance(dataset.train.inputs, streamed_images.StreamedImages)
    assert found == is_streamed
    assert ("--no-stream" in " ".join(dataset.notes)) == is_streamed


def test_bad_images_are_named_before_anything_is_learned(folder):
    with pytest.raises(DataError, match="4 unreadable.*--skip-bad"):
        read(folder, stream=True, skip_bad=False)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda path: path.unlink(), "it is not there any more"),
        (lambda path: path.write_bytes(b"letter"), "not an image"),
        (
            lambda path: image_folders.Image.new("RGB", (9, 9)).save(path),
            "it has other pixels now",
        ),
    ],
    ids="gone broken other".split(),
)
def test_an_image_that_changes_meanwhile_is_named(folder, harm, why):
    images = read(folder, stream=True).train
    path = image_folders.pathlib.Path(images.names[0])
    harm(path)

    with pytest.raises(DataError, match=f"{path}: .*{why}.*--no-stream"):
        images.inputs[:2]


def test_the_limit_of_a_container_counts(tmp_path):
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("4000\n")
    (tmp_path / "memory.stat").write_text("anon 3500\ninactive_file 500\n")

    assert _memory.free_memory(tmp_path) == 1500
    (tmp_path / "memory.max").write_text("max\n")
    assert _memory.free_memory(tmp_path) > 10**6
