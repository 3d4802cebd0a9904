"""Is the newest version served that can be, whatever happens in the folder?"""

import json
import shutil
import threading
import time

import pytest
import served_models
from served_models import noise_images

from aet_keras.errors import ExportError
from aet_keras.serving import model_folder
from aet_keras.serving.loaded_version import LoadedVersion
from aet_keras.serving.model_folder import ModelFolder


def names(folder):
    """Returns the classes that the version answers with."""
    answer = folder.current.call("serving_default", {"images": noise_images(1)})
    return [name.decode() for name in answer["classes"][0]]


def states(folder):
    return {number: each.state for number, each in folder.statuses.items()}


@pytest.fixture
def said():
    """Returns the list that sentences are put in."""
    return []


@pytest.fixture
def folder(home, quick_versions, said):
    """Returns a folder that serves version 1."""
    served_models.copy_version(quick_versions[0], home, 1)
    return ModelFolder(home, say=said.append)


def test_a_new_version_takes_the_place_of_the_old(folder, quick_versions, said):
    before = folder.current
    served_models.copy_version(quick_versions[1], folder.folder, 2)

    folder.refresh()

    assert folder.current.number == 2
    assert names(folder) == ["cap", "vest", "boot"]
    assert states(folder) == {1: "END", 2: "AVAILABLE"}
    assert said[-1] == "clothes: version 2 is served."
    # Whoever began with the old one ends with it.
    answer = before.call("serving_default", {"images": noise_images(1)})
    assert answer["classes"][0].tolist() == [b"hat", b"shirt", b"shoe"]


def called(folder, quick_versions, monkeypatch):
    """Publishes version 2; returns what was called, and who was served."""
    calls, true = [], LoadedVersion.warm_up

    def warm_up(self, names=None):
        calls.append((set(names), folder.current.number))
        true(self, names)

    monkeypatch.setattr(LoadedVersion, "warm_up", warm_up)
    served_models.copy_version(quick_versions[1], folder.folder, 2)
    folder.refresh()
    return calls


def test_what_clients_ask_for_is_called_before_a_version_is_served(
    folder, quick_versions, monkeypatch
):
    folder.current.call("embeddings", {"images": noise_images(1)})

    calls = called(folder, quick_versions, monkeypatch)

    others = {"serving_default", "bytes", "classify"}
    assert calls == [({"embeddings"}, 1), (others, 2)]


def test_where_nobody_asked_the_default_is_called_first(
    folder, quick_versions, monkeypatch
):
    (first, number), _ = called(folder, quick_versions, monkeypatch)

    assert (first, number) == ({"serving_default"}, 1)


def test_a_signature_that_fails_later_brings_the_version_before_back(
    folder, quick_versions, said, monkeypatch
):
    before, true = folder.current, LoadedVersion.warm_up

    def warm_up(self, names):
        if "bytes" in names:
            raise ValueError("no bytes today")
        true(self, names)

    monkeypatch.setattr(LoadedVersion, "warm_up", warm_up)
    served_models.copy_version(quick_versions[1], folder.folder, 2)
    folder.refresh()
    folder.refresh()

    assert folder.current is before
    assert states(folder) == {1: "AVAILABLE", 2: "END"}
    assert "version 1 stays" in said[-1] and "no bytes today" in said[-1]
    assert len(said) == 2


def test_nothing_is_loaded_twice(folder):
    before = folder.current

    folder.refresh()

    assert folder.current is before


def test_numbers_are_compared_as_numbers(home, quick_versions):
    served_models.copy_version(quick_versions[0], home, 9)
    served_models.copy_version(quick_versions[1], home, 10)

    assert ModelFolder(home).current.number == 10


def test_a_version_that_is_rolled_back_returns_to_the_one_before(
    folder, quick_versions
):
    served_models.copy_version(quick_versions[1], folder.folder, 2)
    folder.refresh()
    shutil.rmtree(folder.folder / "2")

    folder.refresh()

    assert folder.current.number == 1
    assert names(folder)[0] == "hat"
    assert states(folder) == {1: "AVAILABLE", 2: "END"}


def test_the_last_version_stays_when_its_files_go(folder):
    shutil.rmtree(folder.folder)

    folder.refresh()

    assert names(folder)[0] == "hat"


def test_another_version_under_the_same_number_is_seen(folder, quick_versions):
    shutil.rmtree(folder.folder / "1")
    served_models.copy_version(quick_versions[1], folder.folder, 1)

    folder.refresh()

    assert names(folder)[0] == "cap"


def flip_a_bit(version):
    (path,) = (version / "variables").glob("variables.data*")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(version):
    (version / "manifest.json").unlink()
    path = version / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:500])


def lose_variables(version):
    (version / "manifest.json").unlink()
    shutil.rmtree(version / "variables")


SPOILED = [
    (flip_a_bit, "must hold the files that were published"),
    (truncate, "must be a SavedModel that can be loaded"),
    (lose_variables, "must be a SavedModel that can be loaded"),
]


@pytest.mark.parametrize(("spoil", "words"), SPOILED)
def test_a_version_that_cannot_be_served_is_said_once(
    spoil, words, folder, quick_versions, said
):
    before = folder.current
    served_models.copy_version(quick_versions[1], folder.folder, 2)
    spoil(folder.folder / "2")

    folder.refresh()
    folder.refresh()

    assert folder.current is before
    status = folder.statuses[2]
    assert (status.state, status.error_code) == ("END", "UNKNOWN")
    assert words in status.error_message
    (sentence,) = said[1:]
    assert "version 2 is not served, version 1 stays. " in sentence
    assert words in sentence


def test_a_version_that_cannot_be_read_is_not_loading_for_ever(
    folder, quick_versions, monkeypatch
):
    def fail(path):
        assert folder.is_loading
        raise PermissionError("not yours")

    monkeypatch.setattr(model_folder, "load_version", fail)
    served_models.copy_version(quick_versions[1], folder.folder, 2)

    with pytest.raises(PermissionError):
        folder.refresh()

    assert not folder.is_loading


def test_a_copy_that_arrives_file_by_file_is_served_at_last(
    folder, quick_versions, said
):
    whole, part = quick_versions[1], folder.folder / "2"
    part.mkdir()
    folder.refresh()
    shutil.copy(whole / "saved_model.pb", part)
    folder.refresh()
    assert folder.current.number == 1
    shutil.copytree(whole, part, dirs_exist_ok=True)

    folder.refresh()

    assert folder.current.number == 2


def test_a_served_version_that_is_spoiled_stays_in_memory(folder, said):
    flip_a_bit(folder.folder / "1")

    folder.refresh()
    folder.refresh()

    assert names(folder)[0] == "hat"
    assert states(folder) == {1: "AVAILABLE"}
    assert len(said) == 2


def test_at_the_start_the_best_that_can_be_loaded_is_served(
    home, quick_versions
):
    served_models.copy_version(quick_versions[0], home, 1)
    served_models.copy_version(quick_versions[1], home, 2)
    flip_a_bit(home / "2")

    assert ModelFolder(home).current.number == 1


def test_nothing_to_serve_is_refused(home, quick_versions):
    served_models.copy_version(quick_versions[0], home, 1)
    flip_a_bit(home / "1")

    with pytest.raises(ExportError, match="publish again and serve that"):
        ModelFolder(home)


def test_a_watched_folder_changes_by_itself(folder, quick_versions):
    with folder.watched(every_seconds=0.02):
        served_models.copy_version(quick_versions[1], folder.folder, 2)
        until = time.monotonic() + 30
        while folder.current.number == 1 and time.monotonic() < until:
            time.sleep(0.02)

    assert folder.current.number == 2


def test_a_watch_goes_on_after_what_it_cannot_do(folder, said, monkeypatch):
    looks = []

    def refresh():
        looks.append(1)
        raise OSError("no such device")

    monkeypatch.setattr(folder, "refresh", refresh)

    with folder.watched(every_seconds=0.01):
        until = time.monotonic() + 30
        while len(looks) < 3 and time.monotonic() < until:
            time.sleep(0.01)

    assert len(looks) >= 3
    assert "could not be read: no such device" in said[-1]


def test_the_status_of_what_is_not_served_reaches_a_client(
    folder, quick_versions
):
    from aet_keras.serving.app import build_app

    served_models.copy_version(quick_versions[1], folder.folder, 2)
    flip_a_bit(folder.folder / "2")
    folder.refresh()

    answer = served_models.Client(build_app(folder)).get().json()

    first, second = answer["model_version_status"]
    assert (first["version"], second["version"]) == ("2", "1")
    assert first["status"]["error_code"] == "UNKNOWN"
    assert "must hold the files" in json.dumps(first)


def test_an_end_while_the_watch_begins_ends_the_watch(folder, monkeypatch):
    begin = threading.Thread.start

    def start(thread):
        begin(thread)
        raise SystemExit(0)

    monkeypatch.setattr(threading.Thread, "start", start)

    with pytest.raises(SystemExit), folder.watched():
        pass

    names = [thread.name for thread in threading.enumerate()]
    assert "aet-keras versions" not in names
