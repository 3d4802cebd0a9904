import errno
import json
import os
import random
import resource
import shutil
import signal

import ml_dtypes
import numpy as np
import pytest

from aet_keras.callbacks import _save_values, _saves
from aet_keras.callbacks._saves import Damaged, Saves

STATE = {
    "array": np.array([1.5, np.nan, -0.0], "float32"),
    "half": np.array([[1, 2]], ml_dtypes.bfloat16),
    "one half": np.array(1.5, ml_dtypes.bfloat16),
    "nested": [{"a": (1, 2.5, None)}, {"b": np.float32(0.1)}],
    "far": float("inf"),
}


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def test_a_state_comes_back_bit_equal(tmp_path):
    saves = Saves(tmp_path, keep=2)

    read = saves.read(saves.write(STATE)).state

    np.testing.assert_equal(read["array"], STATE["array"])
    assert np.signbit(read["array"][2])
    assert read["half"].dtype == STATE["half"].dtype
    np.testing.assert_equal(read["half"], STATE["half"])
    assert read["one half"].dtype == ml_dtypes.bfloat16
    assert (read["one half"].shape, float(read["one half"])) == ((), 1.5)
    assert read["nested"] == [{"a": (1, 2.5, None)}, {"b": np.float32(0.1)}]
    assert read["nested"][1]["b"].shape == ()  # as a weight without axes has
    assert read["far"] == np.inf


def written(folder, *, keep=2, count=4):
    """Returns saves, the last of which are from the middle of an epoch."""
    saves, start = Saves(folder, keep), {"number": -1, "array": np.zeros(50)}
    for number in range(count):
        state = {"number": number, "array": np.full(50, number, "float32")}
        saves.write(state, start=start if number > 1 else None)
        saves.prune()
    return saves


def test_the_newest_are_kept_and_stand_alone(tmp_path):
    saves = written(tmp_path)

    assert saves.names() == ["save-00000003", "save-00000004"]
    for place, name in enumerate(saves.names()):
        alone = tmp_path / "alone" / name
        shutil.copytree(tmp_path / name, alone)
        save = Saves(alone.parent, keep=2).read(name)
        assert (save.state["number"], save.start["number"]) == (2 + place, -1)


def test_arrays_of_equal_bytes_are_written_once_and_read_apart(tmp_path):
    large = np.random.default_rng(0).normal(size=10_000)
    saves = Saves(tmp_path, keep=2)
    name = saves.write({"a": large, "b": large.copy()}, start={"c": large})

    read = saves.read(name)
    read.state["a"] += 1.0

    assert (tmp_path / name / "arrays.npz").stat().st_size < 1.1 * large.nbytes
    np.testing.assert_equal(read.state["b"], large)
    np.testing.assert_equal(read.start["c"], large)


def harm(path, draw):
    """Damages a file, or leaves something else in its place."""
    raw = bytearray(path.read_bytes())
    place, bit = draw.randrange(len(raw)), 1 << draw.randrange(8)
    kinds = ("flip", "cut", "zero", "empty", "delete", "folder", "link")
    kind = draw.choice(kinds)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("nowhere")
    elif kind != "delete":
        if kind == "flip":
            raw[place] ^= bit
        elif kind == "zero":
            raw[place : place + 8] = bytes(len(raw[place : place + 8]))
        else:
            raw = raw[: place if kind == "cut" else 0]
        path.write_bytes(raw)


def test_any_one_file_may_be_damaged(tmp_path):
    written(tmp_path / "good")
    draw, fell_back = random.Random(0), 0

    for number in range(300):
        folder = tmp_path / "damaged"
        shutil.copytree(tmp_path / "good", folder)
        files = sorted(each for each in folder.rglob("*") if each.is_file())
        path = draw.choice(files)
        harm(path, draw)
        saves = Saves(folder, keep=2)
        save, sentences = saves.newest()
        is_whole = path.is_file() and (
            path.read_bytes()
            == (tmp_path / "good" / path.relative_to(folder)).read_bytes()
        )
        is_newest = path.parent.name == "save-00000004"
        fell_back += bool(sentences)
        assert save.state["number"] == (2 if is_newest and not is_whole else 3)
        assert np.all(save.state["array"] == save.state["number"])
        assert save.start["number"] == -1
        saves.write({"number": number})
        saves.prune()
        assert path.parent.exists() or not is_newest
        shutil.rmtree(folder)

    assert 100 < fell_back < 200


def test_nothing_is_removed_where_nothing_could_be_read(tmp_path):
    written(tmp_path)
    for name in os.listdir(tmp_path):
        truncate(tmp_path / name / "arrays.npz")

    for _ in range(2):  # this run, and the next one in the folder
        saves = Saves(tmp_path, keep=2)
        _, sentences = saves.newest()
        for _ in range(3):
            saves.write({})
            saves.prune()

    assert not sentences
    assert saves.names()[:2] == ["save-00000003", "save-00000004"]
    assert len(saves.names()) == 4


def test_a_save_that_cannot_be_read_today_is_not_removed(tmp_path, monkeypatch):
    saves = written(tmp_path)
    first, read = saves.names()[0], _saves.sha256

    def refuse(path):
        if path.parent.name == first:
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    saves = Saves(tmp_path, keep=1)
    monkeypatch.setattr(_saves, "sha256", refuse)
    saves.write({})
    saves.prune()

    assert first in saves.names()


@pytest.mark.parametrize("harm", [flip, truncate, lambda path: path.unlink()])
@pytest.mark.parametrize("file", ["arrays.npz", "state.json", "manifest.json"])
def test_a_damaged_save_is_found_out(file, harm, tmp_path):
    saves = Saves(tmp_path, keep=2)
    name = saves.write(STATE)

    harm(tmp_path / name / file)

    with pytest.raises(Damaged, match=name):
        saves.read(name)


def test_a_half_written_save_is_not_one(tmp_path, monkeypatch):
    saves = Saves(tmp_path, keep=2)
    whole = saves.write({"number": 1})

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", die)
    with pytest.raises(KeyboardInterrupt):
        saves.write({"number": 2})
    monkeypatch.undo()

    assert saves.names() == [whole]
    assert saves.read(saves.write({"number": 3})).state == {"number": 3}
    assert not list(tmp_path.glob(".save-*"))


def test_a_full_disk_leaves_the_saves_that_are_there(tmp_path):
    saves = written(tmp_path)
    names = os.listdir(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            saves.write({"array": np.random.default_rng(0).normal(size=99_999)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert saves.read(saves.write(STATE)).state["far"] == np.inf


def test_foreign_names_are_left_alone(tmp_path):
    known = written(tmp_path).names()[-1]
    (tmp_path / "save-backup").mkdir()
    (tmp_path / "save-00000004 (copy)").mkdir()
    (tmp_path / ".DS_Store").write_text("")
    (tmp_path / "save-00000007").write_text("a file")
    (tmp_path / "save-00000009").symlink_to("nowhere")
    foreign = {"save-backup", "save-00000004 (copy)", ".DS_Store"}
    foreign |= {"save-00000007", "save-00000009"}

    again = Saves(tmp_path, keep=1)
    newest, sentences = again.newest()
    name = again.write({"number": 9})
    again.prune()

    assert (newest.name, sentences) == (known, [])
    assert name == "save-00000010"
    assert set(os.listdir(tmp_path)) == foreign | {name}


def test_the_last_name_of_eight_digits_ends_nothing(tmp_path):
    written(tmp_path)
    (tmp_path / "save-99999999").mkdir()

    names = [Saves(tmp_path, keep=1).write({"number": n}) for n in (1, 2)]
    again = Saves(tmp_path, keep=1)
    newest, sentences = again.newest()
    again.prune()

    assert names == ["save-100000000", "save-100000001"]
    assert (newest.name, sentences) == (names[-1], [])
    assert again.names() == ["save-99999999", names[-1]]


def as_in_090(folder, name, state, base=None):
    """Writes a save in the form of 0.9.0."""
    arrays: dict = {}
    (folder / name).mkdir()
    values = {"base": base, "state": _save_values.to_json(state, arrays)}
    (folder / name / "state.json").write_text(json.dumps(values))
    np.savez(folder / name / "arrays.npz", **arrays)
    files = ("state.json", "arrays.npz")
    sums = {each: _saves.sha256(folder / name / each) for each in files}
    about = {"version": 1, "base": base, "sums": sums}
    (folder / name / "manifest.json").write_text(json.dumps(about))


def test_saves_of_090_are_read_with_what_they_lean_on(tmp_path):
    as_in_090(tmp_path, "save-00000001", {"number": 1, **STATE})
    as_in_090(tmp_path, "save-00000002", {"number": 2}, "save-00000001")
    saves = Saves(tmp_path, keep=2)

    save, _ = saves.newest()

    assert save.state == {"number": 2}
    np.testing.assert_equal(save.start["array"], STATE["array"])
    saves.write({})
    saves.prune()
    assert "save-00000001" in saves.names()  # one that is kept leans on it
    saves.write({})
    saves.prune()
    assert saves.names() == ["save-00000003", "save-00000004"]


def test_a_save_of_a_later_version_is_passed_over_by_name(tmp_path):
    saves = Saves(tmp_path, keep=2)
    path = tmp_path / saves.write(STATE) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "version": 4}))

    save, sentences = Saves(tmp_path, keep=2).newest()

    assert save is None
    assert "a later version of aet-keras (format 4" in sentences[0]


def test_a_save_of_090_is_damaged_where_its_base_is(tmp_path):
    as_in_090(tmp_path, "save-00000001", STATE)
    as_in_090(tmp_path, "save-00000002", {}, "save-00000001")
    flip(tmp_path / "save-00000001" / "arrays.npz")

    with pytest.raises(Damaged, match="save-00000001"):
        Saves(tmp_path, keep=2).read("save-00000002")
