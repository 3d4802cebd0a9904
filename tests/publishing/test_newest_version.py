"""Are the versions of a folder told from what else is in it?"""

import pytest

from aet_keras.errors import ExportError
from aet_keras.publishing import newest_version


def add(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "saved_model.pb").touch()


def test_the_highest_number_is_the_newest(tmp_path):
    add(tmp_path, "2", "10", "9", "0", "007", "-3", "٣", ".aside-1", "new")

    assert newest_version(tmp_path) == tmp_path / "10"


def test_a_directory_without_a_model_is_no_version(tmp_path):
    add(tmp_path, "1")
    (tmp_path / "2").mkdir()

    assert newest_version(tmp_path).name == "1"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "not there"),
        (lambda folder: folder.touch(), "a file"),
        (lambda folder: add(folder, "."), "a single version, whose folder is"),
        (lambda folder: add(folder, "a", "b"), "a folder of 2 other things"),
    ],
    ids=["missing", "file", "version", "other"],
)
def test_a_folder_that_is_no_export_is_refused(make, words, tmp_path):
    make(tmp_path / "clothes")

    with pytest.raises(ExportError, match=words) as caught:
        newest_version(tmp_path / "clothes")

    assert "each with `saved_model.pb`" in str(caught.value)
    assert "Name the folder that `aet-keras fit`" in str(caught.value)
