"""Does a checkpoint get along with damaged, full and shared folders?"""

import errno
import os
import shutil

import interrupted_runs
import keras
import numpy as np
import pytest

from aet_keras import callbacks
from aet_keras.callbacks._saves import Saves


def nothing():
    return []


class Batches(keras.callbacks.Callback):
    """Counts batches."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1


def iter_rows():
    yield interrupted_runs.noise_rows(8)


def full(*args, **settings):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("below", [".", "runs"], ids=["itself", "above it"])
def test_a_file_in_the_place_of_the_folder_is_refused_at_once(below, tmp_path):
    (tmp_path / "file").write_text("")
    batches = Batches()

    with pytest.raises(ValueError, match=r"can be written.*Name another fold"):
        interrupted_runs.run(
            tmp_path / "file" / below, make=nothing, also=[batches]
        )

    assert batches.count == 0


def test_a_disk_that_cannot_be_written_is_noticed_before_the_first_batch(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "fsync", full)
    batches = Batches()

    with pytest.raises(ValueError, match=r"\(No space left on device\)"):
        interrupted_runs.run(
            tmp_path / "new" / "run", make=nothing, also=[batches]
        )

    assert batches.count == 0
    assert list(tmp_path.iterdir()) == []


def test_data_that_are_refused_leave_no_folder(tmp_path):
    with pytest.raises(ValueError, match="Pass arrays"):
        interrupted_runs.run(
            tmp_path / "run",
            make=nothing,
            data=lambda: {"x": iter_rows(), "shuffle": False},
        )

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_once_and_training_goes_on(tmp_path, monkeypatch):
    write, turns = np.savez, []

    def full_for_a_while(*args, **settings):
        turns.append(True)
        return (full if 2 <= len(turns) <= 4 else write)(*args, **settings)

    monkeypatch.setattr(np, "savez", full_for_a_while)
    with pytest.warns(
        UserWarning, match="No space left.*training goes"
    ) as said:
        run = interrupted_runs.run(tmp_path, make=nothing, save_freq=2)
    monkeypatch.undo()

    assert len(said) == len(run.checkpoint.sentences) == 1
    assert len(turns) == 13  # two in an epoch, one at its end, one at the end
    assert len(os.listdir(tmp_path)) == 2
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(make=nothing), run
    )


def test_a_save_that_cannot_be_removed_does_not_end_fit(tmp_path, monkeypatch):
    def refuse(path, *args, **settings):
        if not settings:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.warns(UserWarning, match="could not be removed") as said:
        run = interrupted_runs.run(tmp_path, make=nothing, epochs=3)

    assert len(said) == 1
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(make=nothing, epochs=3), run
    )


def test_two_checkpoints_of_one_fit_need_a_folder_each(tmp_path):
    other = callbacks.ElasticCheckpoint(tmp_path)

    with pytest.raises(ValueError, match="another `fit` of this process saves"):
        interrupted_runs.run(tmp_path, make=nothing, also=[other])

    interrupted_runs.run(
        tmp_path, make=nothing, epochs=1
    )  # nothing is left locked
    assert not (tmp_path / ".lock").exists()


def test_a_folder_that_cannot_be_locked_is_said(tmp_path, monkeypatch):
    import fcntl

    def refuse(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)

    settings = {"make": nothing, "epochs": 1}
    with pytest.warns(UserWarning, match="cannot be locked.*no other run"):
        run = interrupted_runs.run(tmp_path, **settings)

    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(**settings), run
    )


def test_a_finished_run_is_read_where_nothing_can_be_written(
    tmp_path, monkeypatch
):
    settings = {"make": nothing, "epochs": 1}
    first = interrupted_runs.run(tmp_path, **settings)
    monkeypatch.setattr(os, "fsync", full)

    again = interrupted_runs.run(tmp_path, **settings)

    assert again.checkpoint.resumed_from == (1, 0)
    interrupted_runs.check_equal(first, again)


def test_saves_in_an_epoch_do_not_need_the_one_of_its_start(tmp_path):
    settings = {"save_freq": 2, "epochs": 2}
    whole, saves = interrupted_runs.run_and_copy(tmp_path, [(1, 3)], **settings)
    folder = saves[1, 3]
    for name in Saves(folder, keep=1).names()[:-1]:
        shutil.rmtree(folder / name)

    run = interrupted_runs.run(folder, **settings)

    assert run.checkpoint.resumed_from == (1, 2)
    interrupted_runs.check_equal(whole, run)


def test_damaged_saves_are_said_and_kept_where_a_run_starts_anew(tmp_path):
    settings = {"make": nothing, "epochs": 3}
    interrupted_runs.run_until_killed(tmp_path, (2, 1), **settings)
    names = Saves(tmp_path, keep=2).names()
    for name in names:
        (tmp_path / name / "state.json").write_text("")

    with pytest.warns(UserWarning, match="damaged save, and keeps it") as said:
        run = interrupted_runs.run(tmp_path, **settings)

    assert len(said) == 2
    assert run.checkpoint.resumed_from is None
    assert set(names) < set(os.listdir(tmp_path))
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(**settings), run
    )
