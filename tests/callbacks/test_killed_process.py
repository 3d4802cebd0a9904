import os
import pathlib
import signal
import sys

import interrupted_runs
import keras
import pytest
import warm_processes

TESTS = pathlib.Path(__file__).resolve().parents[1]


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
    saves, log = tmp_path / "saves", tmp_path / "log"

    code = warm_processes.run(
        __file__, saves, env=dict(os.environ), cwd=TESTS, log=log
    )
    assert code == -signal.SIGKILL, log.read_text()[-2000:]
    resumed = run(saves, is_loaded=False)

    assert resumed.checkpoint.resumed_from == (1, 2)
    whole = interrupted_runs.run(model=model, epochs=3)
    interrupted_runs.check_equal(whole, resumed)


if __name__ == "__main__":
    run(sys.argv[1], is_loaded=True)
