"""What does `aet-keras fit --track` leave, and say?"""

import pathlib
import re

import pytest
import tracker_files

from aet_keras.cli.fit import make_trackers


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)


def test_both_tools_log_in_folders_that_no_server_takes_for_a_version(
    tiny, fit, photos, out, unserved
):
    done = fit(
        photos, "--epochs", 1, "--track", "tensorboard", "--track", "wandb"
    )

    assert done.exit_code == 0, done.output
    (run,) = (out / "logs").iterdir()
    assert {"train", "validation", "groups", "report"} <= {
        path.name for path in run.iterdir()
    }
    assert not run.name.isdigit()
    path = tracker_files.wait_for_run(out)
    assert tracker_files.read_exit_code(path) == 0
    assert tracker_files.read_last(path, "config")["image_size"] == 8
    board, wandb = done.stdout.splitlines()[-2:]
    assert board == f"Tracking:   tensorboard --logdir {out / 'logs'}"
    assert wandb == f"Tracking:   wandb sync {path.parent}"


def test_two_runs_of_one_second_are_beside_each_other(tmp_path, monkeypatch):
    folders = []
    for process in ("11", "12"):
        monkeypatch.setattr("os.getpid", lambda: process)  # noqa: B023
        (board,) = make_trackers(["tensorboard"] * 2, tmp_path)
        folders.append(pathlib.Path(board.log_dir))

    assert folders[0] != folders[1]
    for folder in folders:
        assert folder.parent == tmp_path / "logs"
        assert re.fullmatch(r"[\d-]{10}_[\d-]{8}_1[12]", folder.name)


def test_another_tool_is_misuse(fit, photos):
    done = fit(photos, "--track", "mlflow")

    assert done.exit_code == 2
    assert "'tensorboard', 'wandb'" in done.stderr


def test_a_mode_that_is_none_is_said_before_anything_is_read(
    fit, out, sentence, monkeypatch
):
    monkeypatch.setenv("WANDB_MODE", "onlin")

    done = fit("lost", "--track", "wandb")

    assert done.exit_code == 2
    assert "`mode` must be one of" in sentence(done)
    assert not out.exists()
