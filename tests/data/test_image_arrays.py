import io

import numpy as np
import pytest
from PIL import Image

from aet_keras.data.image_arrays import load_arrays, read_image_arrays
from aet_keras.errors import DataError

LABELS = np.arange(20) % 2


def images(count=20, shape=(4, 4, 3)):
    random = np.random.default_rng(count)
    return random.integers(0, 256, (count, *shape), "uint8")


def read(tmp_path, size=(4, 4), skip_bad=False, **arrays):
    path = tmp_path / "photos.npz"
    np.savez(path, **arrays)
    return read_image_arrays(path, image_size=size, skip_bad=skip_bad)


def jpegs(photos):
    files = []
    for image in photos:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG")
        files.append(file.getvalue())
    ends = np.cumsum([0, *map(len, files)])
    return np.frombuffer(b"".join(files), "uint8"), ends


def test_images_and_labels_are_split_in_three(tmp_path):
    photos = images()

    dataset = read(tmp_path, images=photos, labels=LABELS)

    parts = dataset.train, dataset.validation, dataset.test
    for part in parts:
        rows = [int(name[6:-1]) for name in part.names]  # train[17]
        np.testing.assert_array_equal(part.inputs, photos[rows])
        np.testing.assert_array_equal(part.labels, LABELS[rows])
    assert [part.count for part in parts] == [12, 4, 4]


@pytest.mark.parametrize("word", ["validation", "val"])
def test_given_splits_are_kept(tmp_path, word):
    arrays = {f"x_{word}": images(6), f"y_{word}": LABELS[:6]}
    arrays |= {"x_train": images(), "y_train": LABELS[:, None]}
    test = {"x_test": images(8), "y_test": LABELS[:8].astype("uint8")}

    dataset = read(tmp_path, **arrays, **test)

    parts = dataset.train, dataset.validation, dataset.test
    assert [part.count for part in parts] == [20, 6, 8]
    np.testing.assert_array_equal(dataset.test.inputs, images(8))
    assert dataset.test.labels.dtype == np.int32


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1)], ids=str)
def test_grey_images_become_rgb_and_are_counted(tmp_path, shape):
    dataset = read(tmp_path, images=images(shape=shape), labels=LABELS)

    assert dataset.train.inputs.shape == (12, 4, 4, 3)
    assert (dataset.train.inputs[..., :1] == dataset.train.inputs).all()
    assert dataset.notes == ("20 greyscale images were read as RGB.",)


def test_labels_without_names_are_their_own_names(tmp_path):
    dataset = read(tmp_path, images=images(), labels=LABELS * 4 + 3)

    assert dataset.specification.class_names == ("3", "7")
    assert set(dataset.train.labels.tolist()) == {0, 1}


def test_classes_name_the_labels(tmp_path):
    classes = np.array(["cat", "dog"])

    dataset = read(tmp_path, images=images(), labels=LABELS, classes=classes)

    assert dataset.specification.class_names == ("cat", "dog")


def test_encoded_images_are_decoded(tmp_path):
    photos = np.repeat(images(20, (1, 1, 3)), 4, 1).repeat(4, 2)
    data, ends = jpegs(photos)

    dataset = read(
        tmp_path, jpeg_train=data, offsets_train=ends, y_train=LABELS
    )

    rows = [int(name[6:-1]) for name in dataset.test.names]
    difference = dataset.test.inputs.astype(int) - photos[rows]
    assert np.abs(difference).max() <= 5  # JPEG's own rounding


def test_damaged_encoded_images_are_named_or_left_out(tmp_path):
    data, ends = jpegs(images())
    data = data.copy()
    data[ends[3] : ends[4]] = 0
    arrays = dict(jpeg_train=data, offsets_train=ends, y_train=LABELS)

    with pytest.raises(DataError, match=r"1 unreadable image: train\[3\]"):
        read(tmp_path, **arrays)
    dataset = read(tmp_path, skip_bad=True, **arrays)

    assert "train[3]" in dataset.notes[0]
    parts = dataset.train, dataset.validation, dataset.test
    assert sum(part.count for part in parts) == 19


BAD = {
    "float images": (dict(images=images() / 255.0), "float64.*Scale it to 255"),
    "channels first": (dict(images=images(shape=(3, 4, 4))), "np.moveaxis"),
    "no rows": (dict(images=images(0), labels=LABELS[:0]), "not empty"),
    "float labels": (dict(labels=LABELS * 1.0), "numbers of the classes"),
    "text labels": (dict(labels=LABELS.astype(str)), "names in `classes`"),
    "one-hot labels": (dict(labels=np.eye(2, dtype=int)[LABELS]), "one-hot"),
    "too few labels": (dict(labels=LABELS[:9]), "one label for each image"),
    "label without a name": (dict(classes=["a"]), "Number the classes from 0"),
    "a name twice": (dict(classes=["a", "a"]), "each class once"),
    "one class": (dict(labels=LABELS * 0), "at least two classes"),
    "objects": (dict(labels=LABELS.astype(object)), "without Python objects"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_arrays_that_cannot_be_learned_from_are_refused(tmp_path, case):
    change, advice = case

    with pytest.raises(DataError, match=f"(?s){advice}"):
        read(tmp_path, **({"images": images(), "labels": LABELS} | change))


@pytest.mark.parametrize(
    ("arrays", "advice"),
    [
        ({}, "Received: none. Accepted are"),
        ({"data": LABELS}, "Received: `data`. Accepted are"),
        ({"x_train": LABELS}, "must come with `y_train`"),
        ({"jpeg_train": LABELS, "y_train": LABELS}, "with `offsets_train`"),
    ],
    ids=["no arrays", "unknown keys", "no labels", "no offsets"],
)
def test_an_npz_without_images_says_what_is_accepted(tmp_path, arrays, advice):
    with pytest.raises(DataError, match=advice):
        read(tmp_path, **arrays)


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "npy", "zip"])
def test_a_damaged_npz_is_refused(tmp_path, damage):
    path = tmp_path / "photos.npz"
    np.savez_compressed(path, images=images(), labels=LABELS)
    whole = path.read_bytes()
    npy = io.BytesIO()
    np.save(npy, LABELS)
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "flipped": whole[:300] + bytes([whole[300] ^ 255]) + whole[301:],
            "text": b"photos",
            "npy": npy.getvalue(),
            "zip": b"PK" + bytes(50),
        }[damage]
    )

    with pytest.raises(DataError, match="Write it again with `np.savez"):
        read_image_arrays(path, image_size=(4, 4))


def test_a_missing_npz_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="it is relative to"):
        read_image_arrays(tmp_path / "none.npz", image_size=(4, 4))


def test_real_photos_keep_their_given_splits(shared_data):
    path = shared_data("clothing10_128px_jpeg.npz")

    dataset = read_image_arrays(path, image_size=(32, 32))

    parts = dataset.train, dataset.validation, dataset.test
    assert [part.count for part in parts] == [3068, 341, 372]
    assert dataset.specification.class_names[0] == "dress"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("stream", [False, True], ids=["held", "streamed"])
def test_large_arrays_are_mapped_or_unpacked_alike(
    tmp_path, monkeypatch, save, stream
):
    images = np.random.default_rng(0).integers(0, 256, (40, 9, 7, 3), "uint8")
    path = tmp_path / "noise.npz"
    save(path, images=images, labels=np.arange(40) % 2)
    expected = read_image_arrays(path, image_size=(8, 8))
    monkeypatch.setattr("aet_keras.data.array_members._LARGE_BYTES", 100)

    dataset = read_image_arrays(path, image_size=(8, 8), stream=stream)

    assert isinstance(load_arrays(path)["images"], np.memmap) == (
        save is np.savez
    )
    np.testing.assert_array_equal(
        dataset.train.inputs[:], expected.train.inputs
    )
    damaged = bytearray(path.read_bytes())
    damaged[2000] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="must be a whole .npz file"):
        read_image_arrays(path, image_size=(8, 8), stream=stream)
