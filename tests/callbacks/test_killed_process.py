import pathlib
import signal
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = """
import os, signal, sys
import keras, tensorflow as tf
tf.config.experimental.enable_op_determinism()
import interrupted_runs

class Shoot(keras.callbacks.Callback):
    seen = 0
    def get_state(self):
        return {}
    def set_state(self, state):
        pass
    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == 8 and sys.argv[2] == "shoot":
            os.kill(os.getpid(), signal.SIGKILL)

def model():
    return interrupted_runs.build_model(run_eagerly=False)

settings = {"model": model, "also": [Shoot()], "epochs": 3, "save_freq": 2}
run = interrupted_runs.run(sys.argv[1], **settings)
assert run.checkpoint.resumed_from == (1, 2), run.checkpoint.resumed_from
whole = interrupted_runs.run(model=model, epochs=3)
interrupted_runs.check_equal(whole, run)
print("equal")
"""


def start(folder, what):
    command = [sys.executable, "-c", SCRIPT, str(folder), what]
    return subprocess.run(command, cwd=TESTS, capture_output=True, text=True)


def test_a_process_killed_with_9_and_started_again_ends_equal(tmp_path):
    first = start(tmp_path, "shoot")

    second = start(tmp_path, "on")

    assert first.returncode == -signal.SIGKILL
    assert second.stdout == "equal\n", second.stderr[-2000:]
