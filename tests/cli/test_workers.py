"""Does `fit --workers` keep a group of processes going?"""

import json
import os
import sys

import image_models
import numpy as np
import pytest
import warm_processes

from aet_keras import _processes
from aet_keras._lock import Lock
from aet_keras.cli import _workers
from aet_keras.errors import TrainingError
from aet_keras.recipes import Recipe

HEADER = """
import json, os, signal, sys, time
known = json.loads(os.environ["TF_CONFIG"])
me, folder = known["task"]["index"], os.path.join(sys.argv[-1], ".workers")
def is_first(name):
    path = os.path.join(folder, name)
    done = os.path.exists(path)
    open(path, "a").close()
    return not done
"""


@pytest.fixture
def supervise(tmp_path, monkeypatch):
    """Returns a function that has two workers run some code."""

    def run(*lines):
        code = "\n".join([HEADER, *lines])
        monkeypatch.setattr(
            _processes,
            "python",
            lambda module, *given: [sys.executable, "-S", "-c", code, *given],
        )
        said = []
        out = tmp_path / "out"
        _workers.supervise(Recipe("digits"), out, [], count=2, say=said.append)
        return said

    return run


def log(tmp_path):
    return (tmp_path / "out" / ".workers" / "worker1.log").read_text()


def test_each_worker_gets_its_place_in_one_cluster(supervise, tmp_path):
    said = supervise("print(os.environ['TF_CONFIG'], *sys.argv[1:])")

    known, *command = log(tmp_path).rsplit("}} ", 1)
    cluster = json.loads(known + "}}")
    assert cluster["task"] == {"type": "worker", "index": 1}
    assert len(set(cluster["cluster"]["worker"])) == 2
    folder = tmp_path / "out"
    assert command[0].split() == [
        "fit",
        "--recipe",
        str(folder / ".workers" / "recipe.json"),
        "--out",
        str(folder),
    ]
    assert not list((folder / ".workers").glob("*.pid"))
    assert said == [] or "share" in said[0]


def test_workers_keep_the_memory_that_a_step_frees(
    supervise, tmp_path, monkeypatch
):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "12345")

    supervise(
        "print(*[os.environ[f'MALLOC_{name}_'] for name in "
        "('MMAP_THRESHOLD', 'TRIM_THRESHOLD', 'TOP_PAD')])"
    )

    assert log(tmp_path).split() == ["4294967296", "12345", "268435456"]


@pytest.mark.parametrize("index", [0, 1], ids=["chief", "worker1"])
def test_all_start_again_if_one_is_killed(supervise, tmp_path, index):
    said = supervise(
        "print('started', flush=True)",
        f"if me == {index} and is_first('killed'):",
        "    while not os.path.exists(os.path.join(folder, 'survived')):",
        "        time.sleep(0.01)",
        "    os.kill(os.getpid(), signal.SIGKILL)",
        f"if me != {index} and is_first('survived'): time.sleep(99)",
    )

    assert log(tmp_path).count("started") == 2
    name = ("chief", "worker1")[index]
    assert f"{name} was ended by signal 9: all 2 start again" in said[-1]


def test_a_group_that_is_killed_again_and_again_is_given_up(
    supervise, monkeypatch
):
    monkeypatch.setattr(_processes, "MOST_RESTARTS", 1)

    with pytest.raises(TrainingError, match="signal 9, after 1 restarts of al"):
        supervise(
            "if me: os.kill(os.getpid(), signal.SIGKILL)", "time.sleep(9)"
        )


def test_an_interrupted_group_says_how_the_same_command_goes_on(
    supervise, monkeypatch
):
    def run_group(command, folder, count):
        (folder / "saves" / "1").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(_workers, "_run_group", run_group)

    with pytest.raises(TrainingError, match="command goes on from the last sa"):
        supervise("pass")


def test_two_groups_for_one_folder_are_refused(supervise, tmp_path):
    folder = tmp_path / "out" / ".workers"
    folder.mkdir(parents=True)
    lock = Lock(folder, lambda: True)
    try:
        with pytest.raises(TrainingError, match="one group of workers at a ti"):
            supervise("pass")
    finally:
        lock.release()


def test_a_worker_that_gives_up_is_quoted(supervise, monkeypatch):
    monkeypatch.setattr(_workers, "_SAY_SECONDS", 0.1)

    with pytest.raises(
        TrainingError, match="exit code 1. It said: no disk. Se"
    ):
        supervise("if me: print('no disk'); sys.exit(1)", "time.sleep(99)")


def test_a_chief_that_gives_up_has_said_why(supervise):
    with pytest.raises(SystemExit) as caught:
        supervise("sys.exit(2)")

    assert caught.value.code == 2


def test_workers_are_refused_inside_a_cluster(
    fit, photos, monkeypatch, sentence, out
):
    task = {"type": "worker", "index": 0}
    known = {"cluster": {"worker": ["a:1", "b:1"]}, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(known))

    result = fit(photos, "--workers", 2)

    assert result.exit_code == 2
    assert "`--workers` must be left out" in sentence(result)
    assert not out.exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--unlabelled", "un"],
        "--image-column a --text-column b --target c".split(),
    ],
    ids=["images without labels", "items"],
)
def test_what_one_process_has_to_train_is_refused_before_any_starts(
    fit, photos, sentence, out, options
):
    result = fit(photos, "--workers", 2, *options)

    assert result.exit_code == 2
    assert "must be learned by one process" in sentence(result)
    assert not out.exists()


def test_a_cluster_that_is_no_json_is_refused(fit, monkeypatch, sentence):
    monkeypatch.setenv("TF_CONFIG", "{worker")

    result = fit("digits")

    assert result.exit_code == 2
    assert "TF_CONFIG must be JSON" in sentence(result)


def test_more_workers_than_cores_are_said(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    assert "2 workers share 1 cores" in _workers._sentence_about_cores(2)
    assert _workers._sentence_about_cores(1) is None


# What a worker runs: the command, with three convolutions as its backbone.
TINY = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import image_models, lean_tensorflow, pytest
lean_tensorflow.trace_faster()
lean_tensorflow.optimize_graphs(False)
image_models.make_tiny(pytest.MonkeyPatch())
from aet_keras_command import main
main()
"""


@pytest.mark.slow
def test_two_workers_publish_what_one_process_would(
    fit, photos, out, monkeypatch, capfd, tmp_path, tiny
):
    def python(module, *arguments):
        assert module == "aet_keras_command"
        return [os.path.dirname(image_models.__file__), *arguments]

    worker = tmp_path / "worker.py"
    worker.write_text(TINY)
    monkeypatch.setattr(_processes, "python", python)
    monkeypatch.setattr(
        _processes, "subprocess", warm_processes.stand_in(worker)
    )

    # 70 rows: the last batch has a row for the first worker alone.
    options = "--epochs 2 --batch-size 23 --dropout 0 --thaw ThawAll".split()
    done = fit(photos, "--workers", 2, *options)

    shown = capfd.readouterr()
    assert done.exit_code == 0, shown.err
    assert "2 workers train together" in shown.out
    assert shown.out.count("SavedModel: ") == 1
    assert sorted(each.name for each in out.glob("[0-9]*")) == ["1"]
    assert not (out / ".workers" / "saves").exists()

    assert fit(photos, *options).exit_code == 0
    together, alone = (
        json.loads((out / version / "report.json").read_text())
        for version in "12"
    )
    for key in ("loss", "val_loss"):
        found, expected = (each["history"][key] for each in (together, alone))
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    said = [
        [e.split(": valid")[0] for e in r["events"]] for r in (together, alone)
    ]
    assert said[0] == said[1]
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-3)
