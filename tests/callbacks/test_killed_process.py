import os
import pathlib
import signal
import subprocess
import sys

import interrupted_runs
import keras
import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = """
import sys
import test_killed_process
test_killed_process.run(sys.argv[1], is_loaded=True)
"""


class Shoot(keras.callbacks.Callback):
    """Kills its own process at the eighth batch, if it is loaded."""

    def __init__(self, is_loaded):
        super().__init__()
        self.seen, self.is_loaded = 0, is_loaded

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == 8 and self.is_loaded:
            os.kill(os.getpid(), signal.SIGKILL)


def model():
    return interrupted_runs.build_model(run_eagerly=False)


def run(folder, *, is_loaded):
    return interrupted_runs.run(
        folder, model=model, also=[Shoot(is_loaded)], epochs=3, save_freq=2
    )


@pytest.mark.tuned  # data are read in both processes as users read them
def test_a_process_killed_with_9_and_started_again_ends_equal(tmp_path):
    folders = os.pathsep.join([str(TESTS), str(TESTS / "callbacks")])
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": folders},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]

    resumed = run(tmp_path, is_loaded=False)

    assert resumed.checkpoint.resumed_from == (1, 2)
    whole = interrupted_runs.run(model=model, epochs=3)
    interrupted_runs.check_equal(whole, resumed)
