"""Does a callback of the user's own come back, if it has a state?"""

import interrupted_runs
import keras
import numpy as np
import pytest


def nothing():
    return []


class Remember(keras.callbacks.Callback):
    """Says what it knows."""

    def __init__(self):
        super().__init__()
        self.steps = 0
        self.seen = np.zeros(2)

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.seen = self.seen + [batch, logs["loss"]]

    def get_state(self):
        return {"steps": self.steps, "seen": self.seen}

    def set_state(self, state):
        self.steps, self.seen = state["steps"], state["seen"]


SETTINGS = {"make": nothing, "save_freq": 2, "epochs": 3}
KILLS = [(2, "begin"), (2, 3)]


@pytest.fixture(scope="module")
def remembered(tmp_path_factory):
    """Returns what a whole run has remembered, and its saves at `KILLS`."""
    whole, folder = Remember(), tmp_path_factory.mktemp("remembered")
    _, saves = interrupted_runs.run_and_copy(
        folder, KILLS, also=[whole], **SETTINGS
    )
    return whole.get_state(), saves


@pytest.mark.parametrize("kill", KILLS)
def test_a_users_callback_with_a_state_comes_back(kill, remembered):
    (expected, saves), resumed = remembered, Remember()

    run = interrupted_runs.run(saves[kill], also=[resumed], **SETTINGS)

    assert run.checkpoint.resumed_from == (2, 0 if kill[1] == "begin" else 2)
    assert run.checkpoint.not_restored == ()
    np.testing.assert_equal(resumed.get_state(), expected)


class Holds(keras.callbacks.Callback):
    """Has any state, be it for a file or not."""

    def __init__(self, state):
        super().__init__()
        self.state = state
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.state = state


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"seen": [1, {2}]}, "set"),
        ({(1, 2): 3}, "tuple"),
        ({"array": np.array([None])}, "ndarray"),
        ({"day": np.datetime64("2026-01-31")}, "date"),
        (None, "NoneType"),
    ],
    ids=["a set", "a key", "objects", "a day", "nothing"],
)
def test_a_state_that_no_file_can_hold_is_refused_at_once(
    state, kind, tmp_path
):
    holds = Holds(state)

    with pytest.raises(TypeError, match=f"Holds: .*Received: a `{kind}`"):
        interrupted_runs.run(tmp_path, make=nothing, also=[holds])

    assert holds.steps == 0


def test_two_callbacks_of_one_class_get_back_what_each_of_them_knew(tmp_path):
    first, second = Holds({"number": 1}), Holds({"number": 2})
    settings = {"make": nothing, "epochs": 1}
    interrupted_runs.run(tmp_path, also=[first, second], **settings)
    again = [Holds({"number": 0}), Holds({"number": 0})]

    interrupted_runs.run(tmp_path, also=again, **settings)

    assert [each.state["number"] for each in again] == [1, 2]
    assert [each.steps for each in again] == [0, 0]  # the run had finished
