"""Do versions go so that servers and publishers never notice?"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from aet_keras.errors import ExportError
from aet_keras.publishing import prune, publish, roll_back

PUBLISHER = pathlib.Path(__file__).with_name("publisher.py")


def writer(text, *names):
    def write(aside):
        for name in names or ("model.keras", "recipe.json"):
            (aside / name).write_text(text)
        (aside / "saved_model.pb").touch()

    return write


def publish_each(folder, texts):
    return [publish(folder, writer(text)) for text in texts]


def test_the_version_before_is_newest_and_its_files_are_shown(tmp_path):
    publish_each(tmp_path, "ab")
    publish(tmp_path, writer("c", "model.keras", "report.png"))

    done = roll_back(tmp_path)

    assert done.newest == tmp_path / "2"
    assert done.withdrawn == tmp_path / ".withdrawn-3"
    assert (done.withdrawn / "model.keras").read_text() == "c"
    assert (tmp_path / "model.keras").read_text() == "b"
    assert (tmp_path / "recipe.json").read_text() == "b"
    assert not (tmp_path / "report.png").exists()


def test_it_can_be_taken_back_again_and_again(tmp_path):
    publish_each(tmp_path, "abc")

    roll_back(tmp_path)
    roll_back(tmp_path)

    assert sorted(p for p in os.listdir(tmp_path) if p.isdigit()) == ["1"]
    assert (tmp_path / "model.keras").read_text() == "a"


def test_no_number_is_used_twice(tmp_path):
    publish_each(tmp_path, "abc")
    roll_back(tmp_path)
    roll_back(tmp_path)

    later = publish(tmp_path, writer("d"))
    roll_back(tmp_path)
    prune(tmp_path, keep=1)

    assert later.name == "4"
    assert publish(tmp_path, writer("e")).name == "5"
    assert (tmp_path / ".withdrawn-4" / "model.keras").read_text() == "d"


def test_the_last_version_is_not_taken_back(tmp_path):
    publish(tmp_path, writer("a"))

    with pytest.raises(ExportError, match="Publish a better one"):
        roll_back(tmp_path)

    assert (tmp_path / "1" / "model.keras").read_text() == "a"


def test_taking_back_is_one_rename(tmp_path, monkeypatch):
    publish_each(tmp_path, "ab")
    renames = []
    rename = os.rename
    monkeypatch.setattr(
        os, "rename", lambda *a: renames.append(a) or rename(*a)
    )

    roll_back(tmp_path)

    assert renames == [(tmp_path / "2", tmp_path / ".withdrawn-2")]


def test_old_versions_and_what_was_taken_back_go(tmp_path):
    publish_each(tmp_path, "abc")
    roll_back(tmp_path)
    publish_each(tmp_path, "de")

    gone = prune(tmp_path, keep=2)

    assert gone == (1, 2, 3)
    names = sorted(os.listdir(tmp_path))
    assert names == ["4", "5", "model.keras", "recipe.json"]


def test_fewer_versions_than_are_kept_all_stay(tmp_path):
    publish_each(tmp_path, "ab")

    assert prune(tmp_path, keep=2) == ()
    assert prune(tmp_path, keep=7) == ()

    assert (tmp_path / "1" / "model.keras").read_text() == "a"


def test_only_the_newest_versions_are_kept(tmp_path):
    for text in "abcd":
        publish(tmp_path, writer(text, "model.keras"), keep=2)

    assert sorted(os.listdir(tmp_path)) == ["3", "4", "model.keras"]
    assert (tmp_path / "model.keras").read_text() == "d"


@pytest.mark.parametrize(("keep", "error"), [(0, ValueError), (1.5, TypeError)])
def test_a_count_that_is_none_is_refused_before_anything_is_written(
    tmp_path, keep, error
):
    with pytest.raises(error, match="`keep` must be an int of at least 1"):
        publish(tmp_path / "new", writer("a"), keep=keep)

    assert os.listdir(tmp_path) == []


def test_a_version_is_out_of_sight_before_its_files_go(tmp_path, monkeypatch):
    publish_each(tmp_path, "ab")
    seen = []

    def look(path):
        seen.append((os.listdir(tmp_path), os.listdir(path)))

    monkeypatch.setattr("shutil.rmtree", look)

    prune(tmp_path, keep=1)

    ((names, inside),) = seen
    assert "1" not in names and "2" in names
    assert "model.keras" in inside


@pytest.mark.parametrize("act", [roll_back, lambda f: prune(f, keep=1)])
def test_a_folder_that_is_not_there_is_said(tmp_path, act):
    with pytest.raises(ExportError, match="No such file.*Choose another"):
        act(tmp_path / "gone")


def look_around(folder):
    """Returns the versions there are, whole ones, as a server sees them."""
    seen = []
    for name in os.listdir(folder):
        if not name.isdigit():
            continue
        seen.append(name)
        try:
            text = (folder / name / "manifest.json").read_text()
        except FileNotFoundError:  # it went in between, by one rename
            assert not (folder / name).exists()
            continue
        assert len(json.loads(text)["files"]) == 3
    return seen


def test_processes_that_publish_and_take_back_never_collide(tmp_path):
    folder = tmp_path / "new"
    publish(folder, writer("first", "model.keras", "report.json"))
    command = [sys.executable, str(PUBLISHER), str(folder)]
    processes = [
        subprocess.Popen([*command, name, "8"], stdout=subprocess.PIPE)
        for name in "abcd"
    ]

    while any(process.poll() is None for process in processes):
        assert look_around(folder)  # never without a version

    lines = [p.communicate()[0].decode().splitlines() for p in processes]
    assert [process.returncode for process in processes] == [0] * 4
    published = dict(line.split() for each in lines for line in each)
    assert len(published) == 32  # no number twice
    for name in look_around(folder):
        text = (folder / name / "model.keras").read_text()
        assert published.get(name, "first") == text
    newest = folder / max(look_around(folder), key=int)
    for name in ("model.keras", "report.json"):
        assert (folder / name).read_text() == (newest / name).read_text()
    assert not list(folder.glob(".aside-*"))
