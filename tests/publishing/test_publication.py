import os
import stat
import threading

import pytest

from aet_keras.errors import ExportError
from aet_keras.publishing import list_versions, publish, roll_back
from aet_keras.publishing.publication import (
    NotNewest,
    check_writable,
    publish_after,
)


def writer(text, *names):
    def write(aside):
        for name in names or ("model.keras", "recipe.json"):
            (aside / name).write_text(text)
        (aside / "saved_model.pb").touch()

    return write


@pytest.fixture
def without_locks(monkeypatch):
    """Stands for a file system that has no locks."""

    def refuse(descriptor, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)


def test_versions_count_up_and_stay(tmp_path):
    first = publish(tmp_path, writer("a"))
    second = publish(tmp_path, writer("b"))

    assert [first.name, second.name] == ["1", "2"]
    assert (first / "model.keras").read_text() == "a"
    assert sorted(os.listdir(tmp_path)) == [
        "1",
        "2",
        "model.keras",
        "recipe.json",
    ]


def test_folder_shows_the_files_of_the_newest_version(tmp_path):
    publish(tmp_path, writer("a", "model.keras", "report.png"))

    publish(tmp_path, writer("b", "model.keras", "other.txt"))

    assert (tmp_path / "model.keras").read_text() == "b"
    assert not (tmp_path / "report.png").exists()
    assert not (tmp_path / "other.txt").exists()
    assert (tmp_path / "1" / "report.png").read_text() == "a"


def test_number_follows_the_highest_whatever_else_lies_there(tmp_path):
    for name in ("7", "0", "12a", "-3", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "8").write_text("a file of the user's")

    assert publish(tmp_path, writer("a")).name == "9"
    assert (tmp_path / "8").read_text() == "a file of the user's"
    assert os.listdir(tmp_path / "7") == []


def test_number_taken_while_writing_is_left_alone(tmp_path):
    def write(aside):
        writer("late")(aside)
        publish(tmp_path, writer("early"))

    late = publish(tmp_path, write)

    assert late.name == "2"
    assert (tmp_path / "1" / "model.keras").read_text() == "early"
    assert (tmp_path / "model.keras").read_text() == "late"


def test_number_taken_at_the_last_moment_is_left_alone(
    tmp_path, without_locks, monkeypatch
):
    rename = os.rename

    def rename_second(source, target):
        monkeypatch.setattr(os, "rename", rename)
        publish(tmp_path, writer("first"))
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_second)
    version = publish(tmp_path, writer("second"))

    assert version.name == "2"
    assert (tmp_path / "1" / "model.keras").read_text() == "first"


def test_newer_version_wins_the_folder(tmp_path, monkeypatch):
    replace = os.replace

    def replace_late(source, target):
        monkeypatch.setattr(os, "replace", replace)
        publish(tmp_path, writer("newer"))
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_late)
    publish(tmp_path, writer("older"))

    assert (tmp_path / "model.keras").read_text() == "newer"
    assert (tmp_path / "recipe.json").read_text() == "newer"


@pytest.mark.parametrize("locks", ["with locks", "without_locks"])
def test_many_publishers_never_collide(tmp_path, locks, request):
    if locks == "without_locks":
        request.getfixturevalue(locks)

    folder, start = tmp_path / "new", threading.Barrier(8)
    published = []

    def run(index):
        start.wait()
        for turn in range(5):
            text = f"{index}.{turn}"
            published.append((publish(folder, writer(text)), text))

    threads = [threading.Thread(target=run, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(path.name) for path, _ in published) == [*range(1, 41)]
    for path, text in published:
        assert (path / "model.keras").read_text() == text
    newest = (folder / "40" / "model.keras").read_text()
    assert (folder / "model.keras").read_text() == newest
    assert not [n for n in os.listdir(folder) if n.startswith(".")]


def test_nothing_follows_a_version_that_was_taken_back_meanwhile(tmp_path):
    publish(tmp_path, writer("a"))
    second = publish(tmp_path, writer("b"))

    def write(aside):
        writer("c")(aside)
        roll_back(tmp_path)

    with pytest.raises(NotNewest, match="1 is the newest by now"):
        publish_after(second, write)

    assert [version.name for version in list_versions(tmp_path)] == ["1"]
    assert (tmp_path / "model.keras").read_text() == "a"
    assert not [name for name in os.listdir(tmp_path) if "aside" in name]


def test_versions_are_listed_by_number(tmp_path):
    for name in ("10", "9", "0", "x", ".withdrawn-11", "007"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()  # without a model it is no version

    listed = list_versions(tmp_path)

    assert [path.name for path in listed] == ["9", "10"]


@pytest.mark.parametrize("name", ["", "not there"])
def test_a_folder_without_versions_is_refused(tmp_path, name):
    with pytest.raises(ExportError, match="was given as `--out`"):
        list_versions(tmp_path / name)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_failed_write_leaves_no_trace(tmp_path, error):
    def write(aside):
        writer("half")(aside)
        raise error

    with pytest.raises(error):
        publish(tmp_path / "deep" / "new", write)

    assert os.listdir(tmp_path) == []


def test_failed_write_leaves_the_versions_there_are(tmp_path):
    publish(tmp_path, writer("a"))

    def write(aside):
        writer("b")(aside)
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError, match="nothing was published.*No space"):
        publish(tmp_path, write)

    assert sorted(os.listdir(tmp_path)) == ["1", "model.keras", "recipe.json"]
    assert (tmp_path / "model.keras").read_text() == "a"


def test_failed_copy_says_that_the_version_stands(tmp_path):
    (tmp_path / "recipe.json").mkdir()

    with pytest.raises(ExportError, match="1 is whole, but"):
        publish(tmp_path, writer("a"))

    assert (tmp_path / "1" / "recipe.json").read_text() == "a"
    assert not [n for n in os.listdir(tmp_path) if n.startswith(".")]


def test_empty_version_is_refused(tmp_path):
    with pytest.raises(
        ExportError, match="must write `saved_model.pb`.*nothing"
    ):
        publish(tmp_path / "new", lambda aside: None)

    assert os.listdir(tmp_path) == []


def test_everybody_may_read_a_version(tmp_path):
    old = os.umask(0o022)
    try:
        version = publish(tmp_path, writer("a"))
    finally:
        os.umask(old)

    assert stat.S_IMODE(version.stat().st_mode) == 0o755
    copy = tmp_path / "model.keras"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o644


def test_what_a_killed_process_left_is_not_touched(tmp_path):
    (tmp_path / ".aside-dead").mkdir()

    publish(tmp_path, writer("a"))

    assert (tmp_path / ".aside-dead").is_dir()


def test_writable_folder_passes_and_stays_as_it_was(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "not" / "yet" / "there")

    assert os.listdir(tmp_path) == []


def test_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("a")

    with pytest.raises(ExportError, match="It is no folder. Choose another"):
        check_writable(tmp_path / "file")
    with pytest.raises(ExportError, match="Not a directory"):
        check_writable(tmp_path / "file" / "below")
    with pytest.raises(ExportError, match="It is no folder"):
        publish(tmp_path / "file", writer("a"))

    assert os.listdir(tmp_path) == ["file"]


def test_link_to_nowhere_is_no_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")

    with pytest.raises(ExportError, match="It is no folder"):
        check_writable(tmp_path / "link")


def test_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)

    with pytest.raises(ExportError, match="nothing can be written.*Permission"):
        check_writable(tmp_path / "new")
