import os
import sys
import time

import pytest

from aet_keras import _processes
from aet_keras.errors import TrainingError
from aet_keras.tuning import processes

HEADER = "import os, signal, sys, time; me = os.environ['KERASTUNER_TUNER_ID']"
WAITING_CHIEF = "time.sleep(99) if me == 'chief' else None"


@pytest.fixture
def supervise(tmp_path):
    """Returns a function that supervises two workers that run some code."""

    def run(*lines, **settings):
        code = "\n".join([HEADER, *lines])
        command = [sys.executable, "-S", "-c", code]
        processes.supervise(command, tmp_path, workers=2, **settings)

    return run


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_gets_its_id_and_all_get_one_address(supervise, tmp_path):
    names = "('TUNER_ID', 'ORACLE_IP', 'ORACLE_PORT')"
    said = f"print(*(os.environ['KERASTUNER_' + k] for k in {names}))"

    supervise(said, WAITING_CHIEF)

    lines = [
        (tmp_path / f"{name}.log").read_text().split()
        for name in ("worker0", "worker1")
    ]
    assert [line[0] for line in lines] == ["worker0", "worker1"]
    assert lines[0][1:] == lines[1][1:]
    assert lines[0][1] == "127.0.0.1" and lines[0][2].isdigit()


def test_the_chief_is_ended_once_its_workers_are_done(supervise, tmp_path):
    pids = []

    def look():
        paths = tmp_path.glob("*.pid")
        pids.extend(int(path.read_text()) for path in paths)

    begun = time.monotonic()
    supervise("time.sleep(0.5)", WAITING_CHIEF, look=look)

    assert time.monotonic() - begun < 20  # KerasTuner's chief waits for 20
    assert len(set(pids)) == 3
    assert not [pid for pid in pids if is_running(pid)]
    assert not list(tmp_path.glob("*.pid"))


def test_a_worker_that_is_killed_starts_again_under_its_id(supervise, tmp_path):
    supervise(
        WAITING_CHIEF,
        f"mark = os.path.join({str(tmp_path)!r}, me + '.mark')",
        "print(me, flush=True)",
        "is_new = me == 'worker1' and not os.path.exists(mark)",
        "open(mark, 'w').close()",
        "os.kill(os.getpid(), signal.SIGKILL) if is_new else None",
    )

    assert (tmp_path / "worker0.log").read_text() == "worker0\n"
    assert (tmp_path / "worker1.log").read_text() == "worker1\n" * 2


def test_a_worker_that_is_killed_again_and_again_ends_the_search(
    supervise, monkeypatch
):
    monkeypatch.setattr(_processes, "MOST_RESTARTS", 1)

    with pytest.raises(TrainingError, match="signal 9, after 1 restarts"):
        supervise(
            "time.sleep(99) if me != 'worker0' else None",
            "os.kill(os.getpid(), signal.SIGKILL)",
        )


def test_a_worker_that_gives_up_is_quoted_and_not_started_again(supervise):
    with pytest.raises(TrainingError) as caught:
        supervise(
            "time.sleep(99) if me != 'worker1' else None",
            "print('no images')",
            "sys.exit(1)",
        )

    assert "`worker1` must run to the end" in str(caught.value)
    assert "exit code 1. It said: no images. See" in str(caught.value)


def test_a_chief_that_is_gone_ends_the_search(supervise):
    with pytest.raises(TrainingError, match="`chief` must run .* signal 9"):
        supervise(
            "time.sleep(99) if me != 'chief' else None",
            "os.kill(os.getpid(), signal.SIGKILL)",
        )


def test_ctrl_c_ends_all(supervise, tmp_path):
    def look():
        if len(list(tmp_path.glob("*.pid"))) == 3:
            pids.extend(int(p.read_text()) for p in tmp_path.glob("*.pid"))
            raise KeyboardInterrupt

    pids = []
    with pytest.raises(KeyboardInterrupt):
        supervise("time.sleep(99)", look=look)

    assert len(pids) == 3
    assert not [pid for pid in pids if is_running(pid)]
