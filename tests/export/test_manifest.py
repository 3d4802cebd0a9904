"""Is every byte of a version accounted for?"""

import hashlib
import json
import shutil

import pytest

from aet_keras.errors import ExportError
from aet_keras.publishing import check_manifest, publish
from aet_keras.publishing.manifest import Manifest, read_manifest


@pytest.fixture
def version(exported, tmp_path):
    """Returns a copy of the export, published with one file more."""

    def write(aside):
        shutil.copytree(exported.path, aside, dirs_exist_ok=True)
        (aside / "report.json").write_text("{}")

    return publish(tmp_path / "folder", write)


def files_of(version):
    return {
        path.relative_to(version).as_posix(): path
        for path in version.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def test_every_file_is_listed_with_its_size_and_sum(version):
    files = check_manifest(version).files

    assert set(files) == set(files_of(version))
    assert "variables/variables.index" in files and "report.json" in files
    for name, path in files_of(version).items():
        data = path.read_bytes()
        sum_ = hashlib.sha256(data).hexdigest()
        assert files[name] == {"bytes": len(data), "sha256": sum_}


def test_an_export_that_was_not_published_has_sums_too(exported):
    assert "saved_model.pb" in check_manifest(exported.path).files


def test_what_is_said_of_the_model_outlives_publishing(version):
    manifest = read_manifest(version)

    assert manifest.image_shape == (8, 8, 3)
    assert manifest.class_count == 3
    assert manifest.notes == ()
    assert set(manifest.versions) == {
        "aet-keras",
        "keras",
        "python",
        "tensorflow",
    }
    assert manifest.signatures["bytes"]["inputs"] == {
        "image_bytes": {"dtype": "string", "shape": [None]}
    }


def flip(version):
    path = version / "variables" / "variables.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


def truncate(version):
    path = version / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:-1])


def remove(version):
    (version / "assets" / "labels.txt").unlink()


def add(version):
    (version / "assets" / "more.txt").write_text("x")


def add_many(version):
    for name in "abcde":
        (version / name).write_text(name)


SPOILED = {
    flip: "differ: `variables/variables.data-00000-of-00001`",
    truncate: "differ: `saved_model.pb`",
    remove: "missing: `assets/labels.txt`",
    add: "added: `assets/more.txt`",
    add_many: "added: `a`, `b`, `c` and 2 more",
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_files_that_are_not_as_published_are_named(version, spoil):
    spoil(version)

    with pytest.raises(ExportError) as raised:
        check_manifest(version)

    assert SPOILED[spoil] in str(raised.value)
    assert "publish again" in str(raised.value)
    assert read_manifest(version)  # which looks at no file


def broken(**changes):
    def spoil(version):
        path = version / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return spoil


def no_json(version):
    (version / "manifest.json").write_text("{")


def no_object(version):
    (version / "manifest.json").write_text("[]")


def no_manifest(version):
    (version / "manifest.json").unlink()


def no_version(version):
    shutil.rmtree(version)


@pytest.mark.parametrize(
    ("spoil", "advice"),
    [
        (no_manifest, "No such file.*Name a version that this release"),
        (no_version, "No such file.*Name a version that this release"),
        (no_json, "Name a version that this release"),
        (no_object, "Publish the version again"),
        (broken(format=2), "must be of format 1"),
        (broken(files=["a"]), "Publish the version again"),
        (broken(files={"a": 3}), "Publish the version again"),
        (broken(files={"a": {"bytes": 1}}), "Publish the version again"),
        (broken(input={"height": 3}), "Publish the version again"),
        (broken(notes="a"), "Publish the version again"),
    ],
)
def test_a_manifest_that_says_nothing_is_refused(version, spoil, advice):
    spoil(version)

    with pytest.raises(ExportError, match=advice):
        check_manifest(version)


def test_a_file_of_that_name_that_is_not_ours_is_not_published(tmp_path):
    def write(aside):
        (aside / "manifest.json").write_text('{"name": "a web page"}')
        (aside / "saved_model.pb").touch()

    with pytest.raises(ExportError, match="a file of your own by another name"):
        publish(tmp_path / "folder", write)

    assert not (tmp_path / "folder").exists()


def test_the_old_name_of_the_shape_still_works():
    manifest = Manifest({}, image_shape=(8, 8, 3))

    with pytest.warns(DeprecationWarning, match="`Manifest.image_shape`"):
        assert manifest.picture_shape == (8, 8, 3)
