import ml_dtypes
import numpy as np
import pytest

from aet_keras.callbacks._saves import Damaged, Saves

STATE = {
    "array": np.array([1.5, np.nan, -0.0], "float32"),
    "half": np.array([[1, 2]], ml_dtypes.bfloat16),
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

    read = saves.read(saves.write(STATE))

    np.testing.assert_equal(read["array"], STATE["array"])
    assert np.signbit(read["array"][2])
    assert read["half"].dtype == STATE["half"].dtype
    np.testing.assert_equal(read["half"], STATE["half"])
    assert read["nested"] == [{"a": (1, 2.5, None)}, {"b": np.float32(0.1)}]
    assert read["far"] == np.inf


def test_the_newest_are_kept(tmp_path):
    saves = Saves(tmp_path, keep=2)

    names = [saves.write({"number": i}) for i in range(4)]

    assert saves.names() == names[-2:]
    assert saves.read(names[-1]) == {"number": 3}


def test_what_a_kept_save_leans_on_is_kept_too(tmp_path):
    saves = Saves(tmp_path, keep=1)
    base = saves.write({})

    names = [saves.write({}, base=base) for _ in range(3)]

    assert saves.names() == [base, names[-1]]
    assert saves.base(names[-1]) == base


@pytest.mark.parametrize("harm", [flip, truncate, lambda path: path.unlink()])
@pytest.mark.parametrize("file", ["arrays.npz", "state.json", "manifest.json"])
def test_a_damaged_save_is_found_out(file, harm, tmp_path):
    saves = Saves(tmp_path, keep=2)
    name = saves.write(STATE)

    harm(tmp_path / name / file)

    with pytest.raises(Damaged, match=name):
        saves.read(name)


def test_a_save_that_leans_on_a_damaged_one_is_damaged(tmp_path):
    saves = Saves(tmp_path, keep=2)
    base = saves.write(STATE)
    name = saves.write({}, base=base)

    flip(tmp_path / base / "arrays.npz")

    with pytest.raises(Damaged, match=base):
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
    assert saves.read(saves.write({"number": 3})) == {"number": 3}
    assert not list(tmp_path.glob(".save-*"))


def test_a_save_under_another_base_is_damaged(tmp_path):
    saves = Saves(tmp_path, keep=9)
    first, second = saves.write({}), saves.write({})
    name = saves.write({}, base=second)
    manifest = tmp_path / name / "manifest.json"

    manifest.write_text(manifest.read_text().replace(second, first))

    with pytest.raises(Damaged, match="manifest"):
        saves.read(name)
