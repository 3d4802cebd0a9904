import errno
import json
import os

import pytest

from aet_keras import _files
from aet_keras.recipes import Recipe


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "report.json", []
    monkeypatch.setattr(os, "fsync", lambda file: seen.append(path.exists()))

    _files.write_whole(path, b"new")

    assert (seen, path.read_bytes()) == ([False], b"new")


def test_a_full_disk_leaves_the_old_recipe(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "recipe.json"
    Recipe("digits", epochs=3).save(path)
    monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(OSError, match="No space"):
        Recipe("digits", epochs=4).save(path)

    assert Recipe.load(path) == Recipe("digits", epochs=3)
    assert os.listdir(tmp_path) == ["recipe.json"]


def test_json_holds_texts_that_utf_8_does_not():
    written = _files.json_bytes({"a\udcff": ["b\udcff", "\u00e9"]})

    assert json.loads(written) == {"a\\udcff": ["b\\udcff", "\u00e9"]}
