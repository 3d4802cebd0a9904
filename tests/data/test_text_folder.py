"""Are the texts of a folder those of its files?"""

import pytest

from aet_keras.data.text_reading import read_text_folder
from aet_keras.errors import DataError


def fill(folder, *, classes=("bad", "good"), count=5, encoding="utf-8"):
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            path = folder / name / f"{number}.txt"
            path.write_text(f"café {number} is {name}", encoding=encoding)
    return folder


def test_the_folder_of_a_text_is_its_class(tmp_path):
    dataset = read_text_folder(fill(tmp_path))

    names = dataset.specification.class_names
    assert names == ("bad", "good")
    assert dataset.train.count == 6 and dataset.test.count == 2
    for text, label in zip(
        dataset.train.inputs, dataset.train.labels, strict=True
    ):
        assert text.endswith(names[label]) and text.startswith("café")


def test_splits_of_its_own_are_kept(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", count=1)

    dataset = read_text_folder(tmp_path)

    assert {name.split("/")[-3] for name in dataset.test.names} == {"test"}
    assert "2 texts are in more than one split" in " ".join(dataset.notes)


def test_what_is_left_out_is_mentioned(tmp_path):
    fill(tmp_path)
    (tmp_path / "bad" / "notes.doc").write_text("x")
    (tmp_path / "bad" / "empty.txt").write_text(" \n")

    said = " ".join(read_text_folder(tmp_path).notes)

    assert "notes.doc (no text by its name)" in said
    assert "1 text was left out: it is empty" in said


def test_another_encoding_is_said_with_its_file(tmp_path):
    fill(tmp_path, encoding="latin-1")

    with pytest.raises(DataError, match="0.txt, whose byte 3 .* `latin-1`"):
        read_text_folder(tmp_path, encoding="utf-8")
    with pytest.raises(ValueError, match="Try `auto`, `utf-8`"):
        read_text_folder(tmp_path, encoding="utf-9")

    assert read_text_folder(tmp_path, encoding="latin-1").train.count == 6
    assert "`cp1252`" in read_text_folder(tmp_path).notes[0]


def test_a_folder_without_texts_says_what_is_read(tmp_path):
    (tmp_path / "bad").mkdir()

    with pytest.raises(DataError, match="texts. Put each text .* .txt"):
        read_text_folder(tmp_path)
