"""Does a run go on from what 0.9.0 and 0.10.0 saved?"""

import copy
import json
import pathlib
import shutil

import interrupted_runs
import numpy as np

from aet_keras import callbacks, policies
from aet_keras.callbacks import _save_values, _saves
from aet_keras.callbacks._saves import Saves

# Written by 0.10.0, of the run below, killed in its last epoch.
OF_0_10_0 = pathlib.Path(__file__).parent / "saves_of_0_10_0"


def all_of_0_10_0():
    first, _, *others = interrupted_runs.all_callbacks(solve_head=True)
    # The default of then: what it did before it was killed is in the save.
    policy = policies.AdaptToTrend(hold_ratio=0.4)
    rate = callbacks.AdaptiveLearningRate(policy)
    return [callbacks.AverageWeights(every_batches=2), first, rate, *others]


def model_of_0_10_0():
    return interrupted_runs.build_model("adam")


def test_a_run_goes_on_from_a_save_that_0_10_0_wrote(tmp_path):
    shutil.copytree(OF_0_10_0, tmp_path / "run")

    settings = {"make": all_of_0_10_0, "model": model_of_0_10_0}
    run = interrupted_runs.run(tmp_path / "run", **settings)

    whole = interrupted_runs.uninterrupted_run(**settings)
    assert run.checkpoint.resumed_from == (3, 0)
    resumed, expected = run.callbacks[1], whole.callbacks[1]
    assert resumed.history == expected.history
    assert resumed.events == expected.events and resumed.events
    assert resumed.solved.epoch == expected.solved.epoch
    # It was written on another machine: the last bits may be others.
    for key, values in whole.history.items():
        np.testing.assert_allclose(run.history[key], values, rtol=1e-3)
    for left, right in zip(run.weights(), whole.weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-3)


# What the state of today calls otherwise than 0.9.0 and 0.10.0 did.
PUBLIC = {
    "ElasticFreezing": {"cache_events", "events", "history", "solved"},
    "KeepBest": {"best", "best_epoch", "failed", "is_best_solved", "stopped"},
    "KeepHeadOnly": {"epoch", "weights"},
}
RECORDS = {"losses": "_BatchLosses", "times": "BatchTimes"}


def with_attributes(state):
    """Returns what is known of a run in the form of 0.9.0 and 0.10.0."""
    run = state["run"]
    known = {
        name: attributes(name.split()[0], each)
        for name, each in run["callbacks"].items()
    }
    return {**state, "run": {**run, "callbacks": known}}


def attributes(owner, state):
    policy = state.get("policy")
    public = {"rebuild_seconds"} | PUBLIC.get(owner, set())
    known = {
        name if name in public else f"_{name}": in_a_record(name, value)
        for name, value in state.items()
        if name not in ("policy", "events")
    }
    if "events" in state:
        known["events"] = [
            (epoch, {"class": "Change", "vars": each})
            for epoch, each in state["events"]
        ]
    return {"attributes": known, "policy": policy}


def in_a_record(name, value):
    if name not in RECORDS:
        return value
    values = {f"_{key}": each for key, each in value.items()}
    return {"class": RECORDS[name], "vars": values}


def with_replay_of_090(state):
    """Returns the same with the entries that 0.9.0 had of replay."""
    state = copy.deepcopy(state)
    replay = state["run"]["engine"]["replay"]
    del replay["learned"]["_is_train_plain"]
    for split in ("train", "validation"):
        replay[split]["feed"]["new_count"] = 0
    return state


def in_the_form_of_090(folder):
    """Writes the newest save as 0.9.0 did: it leans on one of its epoch."""
    save, _ = Saves(folder, keep=1).newest()
    shutil.rmtree(folder)
    for name, base, state in (
        ("save-00000001", None, save.start),
        ("save-00000002", "save-00000001", save.state),
    ):
        arrays: dict = {}
        path = folder / name
        path.mkdir(parents=True)
        state = with_replay_of_090(with_attributes(state))
        state = _save_values.to_json(state, arrays)
        values = {"base": base, "state": state}
        (path / "state.json").write_text(json.dumps(values))
        np.savez(path / "arrays.npz", **arrays)
        files = ("arrays.npz", "state.json")
        sums = {each: _saves.sha256(path / each) for each in files}
        about = {"version": 1, "base": base, "sums": sums}
        (path / "manifest.json").write_text(json.dumps(about))


def test_a_run_goes_on_from_saves_of_090(tmp_path):
    folder = tmp_path / "run"
    interrupted_runs.run_until_killed(folder, (1, 3), save_freq=2)
    in_the_form_of_090(folder)

    run = interrupted_runs.run(folder, save_freq=2)

    assert run.checkpoint.resumed_from == (1, 2)
    interrupted_runs.check_equal(interrupted_runs.uninterrupted_run(), run)
