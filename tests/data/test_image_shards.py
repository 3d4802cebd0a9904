"""Are shards read as the folder that they were made of?"""

import gzip
import tarfile

import image_folders
import image_shards
import numpy as np
import pytest

from aet_keras.data import read_images
from aet_keras.data.splits import SPLITS
from aet_keras.data.streamed_images import StreamedImages
from aet_keras.errors import DataError

ROWS = image_shards.labelled_images()
NAMES = sorted({name for name, _ in ROWS})
PARTS = [ROWS[number::3] for number in range(3)]


def tars(folder, **options):
    for number, rows in enumerate(PARTS):
        path = folder / f"photos-{number:06}.tar"
        image_shards.write_tar(path, rows, **options)
    return f"{folder}/*.tar"


def packed_tars(folder):
    for number, rows in enumerate(PARTS):
        path = folder / f"photos-{number:06}.tgz"
        image_shards.write_tar(path, rows, mode="w:gz")
    return f"{folder}/*.tgz"


def records(folder, **options):
    for number, rows in enumerate(PARTS):
        path = folder / f"photos.tfrecord-{number:05}-of-00003"
        image_shards.write_records(path, rows, names=NAMES, **options)
    return str(folder)


def records_of_tfds(folder):
    (folder / "label.labels.txt").write_text("\n".join(NAMES))
    return records(folder, keys=("image", "label"))


def packed_records(folder):
    return records(folder, compression="GZIP")


def read(source, **options):
    return read_images(source, image_size=(8, 8), **options)


def contents(dataset):
    """Returns the class and pixels of each image, sorted."""
    names = dataset.specification.class_names
    return sorted(
        (names[label], image.tobytes())
        for split in (dataset.train, dataset.validation, dataset.test)
        for label, image in zip(split.labels, split.inputs[:], strict=True)
    )


@pytest.mark.parametrize(
    "write",
    [
        tars,
        lambda folder: tars(folder, label="json"),
        packed_tars,
        records,
        records_of_tfds,
        packed_records,
    ],
    ids="tars json packed-tars records of-tfds packed-records".split(),
)
def test_shards_hold_what_the_folder_holds(tmp_path, write):
    source = write(tmp_path)

    held, streamed = (read(source, stream=each) for each in (False, True))

    assert contents(held) == contents(read(image_folders.IMAGES))
    assert isinstance(streamed.train.inputs, StreamedImages)
    assert streamed.notes == held.notes == ()
    for name in SPLITS:
        ours, theirs = getattr(streamed, name), getattr(held, name)
        assert ours.names == theirs.names
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_array_equal(ours.inputs[:], theirs.inputs)


def test_names_of_shards_say_the_splits(tmp_path):
    for name, rows in zip(("train", "val", "test"), PARTS, strict=True):
        image_shards.write_tar(tmp_path / f"a-{name}-000.tar", rows)

    dataset = read(tmp_path)

    counts = [getattr(dataset, name).count for name in SPLITS]
    assert counts == [len(rows) for rows in PARTS]
    assert "a-val-000.tar:0000.png" in dataset.validation.names[0]


def test_folders_of_shards_say_the_splits(tmp_path):
    for name, rows in zip(("train", "val", "test"), PARTS, strict=True):
        (tmp_path / name).mkdir()
        image_shards.write_tar(tmp_path / name / "000.tar", rows)

    assert read(tmp_path).validation.count == len(PARTS[1])


def test_an_archive_beside_a_folder_of_images_is_no_shard(tmp_path):
    photos = image_folders.copy_images(tmp_path / "photos")
    image_shards.write_tar(photos / "photos.tar", PARTS[0])

    assert read(photos).train.count == 60


def test_a_missing_shard_is_named(tmp_path):
    source = records(tmp_path)
    (tmp_path / "photos.tfrecord-00001-of-00003").unlink()

    with pytest.raises(DataError, match="`photos.tfrecord-00001-of-00003`"):
        read(source)

    dataset = read(source, skip_bad=True)
    assert "1 shard of 3 missing" in dataset.notes[0]


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("write", [tars, records], ids=["tar", "records"])
def test_a_shard_that_is_cut_short_is_named(tmp_path, write, is_packed):
    source = write(tmp_path)
    path = sorted(tmp_path.iterdir())[1]
    whole = path.read_bytes()
    if is_packed:
        whole = gzip.compress(whole)
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match=f"{path}: a shard must be whole"):
        read(source)

    dataset = read(source, skip_bad=True)
    assert f"{path} is cut short" in " ".join(dataset.notes)
    assert dataset.train.count > 30


def test_a_tar_that_is_damaged_within_is_not_taken_for_its_end(tmp_path):
    source = tars(tmp_path)
    path = sorted(tmp_path.iterdir())[1]
    with tarfile.open(path) as archive:
        member = archive.getmembers()[20]
    content = bytearray(path.read_bytes())
    content[member.offset : member.offset + 512] = b"x" * 512
    path.write_bytes(content)

    with pytest.raises(DataError, match="after 10 images .it is damaged at"):
        read(source)


@pytest.mark.parametrize("stream", [False, True], ids=["held", "streamed"])
def test_a_broken_image_in_the_middle_is_named(tmp_path, stream):
    rows = list(ROWS)
    rows[50] = (rows[50][0], rows[50][1][:60])
    path = image_shards.write_tar(tmp_path / "a.tar", rows)

    with pytest.raises(DataError, match=f"1 unreadable image: {path}:0050.png"):
        read(path, stream=stream)

    dataset = read(path, stream=stream, skip_bad=True)
    assert "1 unreadable image was left out" in dataset.notes[0]


def test_an_image_without_a_class_is_named(tmp_path):
    path = image_shards.write_tar(tmp_path / "a.tar", ROWS)
    with tarfile.open(path, "a") as archive:
        image_shards.add(archive, "more/x.png", ROWS[0][1])
        image_shards.add(archive, "more/x.txt", b"a caption")

    with pytest.raises(DataError, match=r"more/x.png \(no `.cls` or `.json`"):
        read(path)


@pytest.mark.parametrize(
    ("harm", "advice"),
    [
        (lambda path: path.write_bytes(b"no tar" * 999), "must be a tar"),
        (lambda path: path.write_bytes(b""), "must be a tar"),
        (
            lambda path: image_shards.write_records(
                path.with_name("a.tfrecord"), ROWS, names=NAMES, keys=("a", "b")
            ),
            "an encoded image in `image/encoded`, `image`. Received: `a`, `b`",
        ),
    ],
    ids="other empty keys".split(),
)
def test_what_is_no_shard_is_named(tmp_path, harm, advice):
    path = tmp_path / "a.tar"
    harm(path)

    with pytest.raises(DataError, match=advice):
        read(tmp_path)


def test_a_pattern_without_files_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="Check the path"):
        read(f"{tmp_path}/*.tar")
