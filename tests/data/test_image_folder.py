import os
import shutil

import image_folders
import numpy as np
import pytest
from PIL import Image

from aet_keras.data.image_reading import read_image_folder
from aet_keras.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return image_folders.copy_images(tmp_path / "photos")


def read(folder, **options):
    return read_image_folder(folder, image_size=(8, 8), **options)


def test_one_folder_a_class_is_split_in_three(folder):
    dataset = read(folder)

    parts = dataset.train, dataset.validation, dataset.test
    assert [part.count for part in parts] == [60, 20, 20]
    assert dataset.notes == ()
    assert dataset.specification.class_names[:2] == ("eight", "five")


def test_each_row_is_the_image_that_its_name_says(folder):
    dataset = read_image_folder(folder, image_size=(16, 16))

    for split in (dataset.train, dataset.validation, dataset.test):
        for row, name in enumerate(split.names):
            label = dataset.specification.class_names[split.labels[row]]
            assert label == os.path.basename(os.path.dirname(name))
            pixels = np.asarray(Image.open(name))
            np.testing.assert_array_equal(split.inputs[row], pixels)


def test_rows_on_a_disk_are_the_rows_in_memory(folder, monkeypatch):
    expected = read(folder)
    monkeypatch.setattr("aet_keras.data.image_storage.MEMORY_LIMIT_BYTES", 1000)

    dataset = read(folder)

    assert isinstance(dataset.train.inputs, np.memmap)
    np.testing.assert_array_equal(dataset.test.inputs, expected.test.inputs)


@pytest.mark.parametrize("word", ["validation", "val", "valid"])
def test_split_folders_are_kept_and_the_missing_one_is_cut_off(folder, word):
    root = folder.parent / "split"
    shutil.copytree(folder, root / "train")
    shutil.move(folder, root / word)

    dataset = read(root)

    assert dataset.validation.count == 100
    assert all(f"/{word}/" in name for name in dataset.validation.names)
    assert (dataset.train.count, dataset.test.count) == (80, 20)


def test_a_class_called_train_is_a_class(folder):
    shutil.move(folder / "zero", folder / "train")

    dataset = read(folder)

    assert "train" in dataset.specification.class_names


@pytest.mark.parametrize(
    "name", ["A.JPG", "a.Jpeg", "a.bmp", "a.gif", "a.webp"]
)
def test_formats_are_read_whatever_their_case(folder, name):
    Image.new("RGB", (9, 9), "white").save(folder / "one" / name)

    dataset = read(folder)

    parts = dataset.train, dataset.validation, dataset.test
    assert sum(part.count for part in parts) == 101


def test_links_are_followed(folder):
    target = folder.parent / "elsewhere"
    shutil.move(folder / "zero", target)
    (folder / "zero").symlink_to(target)

    assert read(folder).train.count == 60


def test_bad_images_are_named_up_to_three_and_counted(folder):
    image_folders.add_bad_files(folder)

    with pytest.raises(DataError, match="4 unreadable.*--skip-bad") as caught:
        read(folder)

    assert str(caught.value).count("photos/") == 3
    assert "and 1 more" in str(caught.value)


@pytest.mark.parametrize("index", range(4), ids="cut empty text notes".split())
def test_each_kind_of_bad_file_is_named_with_its_path(folder, index):
    paths = image_folders.add_bad_files(folder)
    for path in paths[:index] + paths[index + 1 :]:
        path.unlink()

    with pytest.raises(DataError, match=f"1 unreadable image: {paths[index]}"):
        read(folder)


def test_bad_images_are_left_out_on_request_and_said(folder):
    expected = read(folder)
    image_folders.add_bad_files(folder)

    dataset = read(folder, skip_bad=True)

    assert "4 unreadable images were left out" in dataset.notes[0]
    assert dataset.train.names == expected.train.names
    np.testing.assert_array_equal(dataset.test.inputs, expected.test.inputs)


def test_converted_images_are_counted_in_the_notes(folder):
    image_folders.add_unusual_images(folder)

    assert read(folder).notes == (
        "1 greyscale image was read as RGB.",
        "1 image with an alpha channel was laid on white.",
    )


def test_a_decompression_bomb_is_a_bad_image(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    Image.new("RGB", (20, 20)).save(folder / "one" / "bomb.png")

    with pytest.raises(DataError, match=r"bomb.png \(more than 300 pixels\)"):
        read(folder)


def test_a_folder_inside_a_class_is_no_image(folder):
    (folder / "one" / "more").mkdir()

    with pytest.raises(DataError, match="one/more .a folder inside a class"):
        read(folder)


def test_a_missing_folder_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="Check the path; it is relative to"):
        read(tmp_path / "nowhere")


def test_a_folder_without_images_says_how_to_lay_them_out(tmp_path):
    with pytest.raises(DataError, match="folder named after its class"):
        read(tmp_path)


def test_a_folder_of_one_class_is_refused(folder):
    for path in list(folder.iterdir())[1:]:
        shutil.rmtree(path)

    with pytest.raises(DataError, match="at least two classes"):
        read(folder)


def test_a_class_with_one_image_is_left_out_and_named(folder):
    for path in sorted((folder / "six").iterdir())[1:]:
        path.unlink()

    dataset = read(folder)

    names = dataset.specification.class_names
    assert "six" not in names and len(names) == 9
    assert "`six` with 1" in " ".join(dataset.notes)
    for row, name in enumerate(dataset.test.names):
        label = names[dataset.test.labels[row]]
        assert label == os.path.basename(os.path.dirname(name))


def test_classes_that_are_all_too_small_are_refused(folder):
    for each in folder.iterdir():
        for path in sorted(each.iterdir())[1:]:
            path.unlink()

    with pytest.raises(DataError, match="with 1 and .* more, of .* Add images"):
        read(folder)


@pytest.mark.parametrize("name", [".ipynb_checkpoints", ".git"])
def test_a_hidden_folder_is_no_class_and_noted(folder, name):
    shutil.copytree(folder / "one", folder / name)

    dataset = read(folder)

    assert name in dataset.notes[0] and "hidden" in dataset.notes[0]
    assert len(dataset.specification.class_names) == 10


def test_a_hidden_folder_inside_a_class_is_noted(folder):
    shutil.copytree(folder / "two", folder / "one" / ".thumbnails")

    dataset = read(folder)

    (note,) = [each for each in dataset.notes if "hidden" in each]
    assert "1 hidden folder is no image and left out" in note
    assert str(folder / "one" / ".thumbnails") in note


def test_folders_beside_the_splits_are_noted(folder):
    photos = folder.parent / "split"
    shutil.copytree(folder, photos / "train")
    shutil.copytree(folder, photos / "dev")

    note = read(photos).notes[0]

    assert "1 folder is no split and left out, beside `train`: " in note
    assert str(photos / "dev") in note and "(`val`, `valid`)" in note


def test_bytes_that_are_no_utf_8_in_a_name_reach_no_report(folder):
    class_folder = os.fsencode(folder / "one")
    first = next((folder / "one").iterdir())
    os.rename(first, os.path.join(class_folder, b"\xff.png"))
    with open(os.path.join(class_folder, b"\xfebad.png"), "wb"):
        pass

    dataset = read(folder, skip_bad=True)

    parts = dataset.train, dataset.validation, dataset.test
    names = [name for part in parts for name in part.names]
    for text in (*names, *dataset.notes):
        assert text.encode("utf-8")
    assert any(name.endswith("one/\\udcff.png") for name in names)


def test_classes_that_differ_by_case_only_are_noted(folder):
    shutil.copytree(folder / "one", folder / "One")

    said = " ".join(read(folder).notes)

    assert "differ by case only, and stay separate: `One` and `one`" in said


@pytest.mark.parametrize(
    "name", ["a\nb", b"a\xffb", "a\rb"], ids=["line", "bytes", "return"]
)
def test_a_class_that_cannot_be_exported_is_refused(folder, name):
    shutil.move(folder / "one", os.path.join(folder, os.fsdecode(name)))

    with pytest.raises(DataError, match="one line of text.*Rename it"):
        read(folder)


def test_what_is_no_file_is_never_opened(folder):
    os.mkfifo(folder / "one" / "pipe.png")
    (folder / "one" / "folder.jpg").mkdir()
    (folder / "one" / "broken.png").symlink_to("nowhere")
    (folder / "one" / "loop.png").symlink_to("loop.png")
    (folder / "one" / "device.png").symlink_to("/dev/zero")

    dataset = read(folder, skip_bad=True)

    assert "5 unreadable images were left out" in dataset.notes[0]
    with pytest.raises(DataError, match="broken.png .a link to nothing"):
        read(folder)


def test_a_class_that_only_test_has_is_refused(folder):
    root = folder.parent / "split"
    shutil.copytree(folder, root / "test")
    shutil.copytree(folder, root / "train")
    shutil.rmtree(root / "train" / "six")

    with pytest.raises(DataError, match="`six`.*Add them to train"):
        read(root)


def test_images_outside_a_class_folder_are_mentioned(folder):
    Image.new("RGB", (9, 9)).save(folder / "cover.png")

    assert "1 image outside a class folder" in read(folder).notes[0]
