"""What is left of a run that has to stop before its end?"""

import contextlib
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import table_data
import tensorflow as tf

from aet_keras import data
from aet_keras.export.saved_model import refused_by_the_system


@pytest.fixture
def watched_by(monkeypatch):
    """Returns a function that lets a callback watch the next `fit`."""

    def watch(callback):
        @contextlib.contextmanager
        def display(**settings):
            yield [callback]

        monkeypatch.setattr("aet_keras.cli._display.display", display)

    return watch


class Spoil(keras.callbacks.Callback):
    """Makes a weight of the head NaN when an epoch begins."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            head = self.model.weights[-1]
            head.assign(np.full(head.shape, np.nan))


class SpoilValidation(keras.callbacks.Callback):
    """Makes a weight of the head NaN after the last batch of each epoch."""

    def on_test_begin(self, logs=None):
        head = self.model.weights[-1]
        head.assign(np.full(head.shape, np.nan))


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C when an epoch begins."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture
def is_kept(out, sentence):
    """Returns a check that the weights of an epoch are left, and answer."""

    def check(result, reason, epoch=1):
        kept = out / "interrupted.keras"
        assert result.exit_code == 1
        assert f"{reason}. The weights of epoch {epoch}" in sentence(result)
        assert f"`{kept}`" in sentence(result)
        assert os.listdir(out) == [kept.name]
        model = keras.models.load_model(kept)
        scores = model.predict(np.zeros((2, 8, 8, 3)), verbose=0)
        np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-6)

    return check


def test_a_rate_that_blows_up_stops_and_keeps_the_best(
    tiny, photos, fit, is_kept, sentence
):
    result = fit(photos, "--learning-rate", "1e30", "--epochs", 3)

    # The head alone saturates; it is the groups that become NaN.
    is_kept(result, "the loss became NaN in epoch 3", epoch=1)
    assert "Try a lower `learning_rate`" in sentence(result)


def test_a_loss_that_is_nan_at_once_leaves_nothing(
    tiny, watched_by, photos, fit, out, sentence
):
    watched_by(Spoil(epoch=1))

    result = fit(photos, "--epochs", 3)

    assert result.exit_code == 1
    assert "the loss became NaN in epoch 1" in sentence(result)
    assert "there was nothing to keep" in sentence(result)
    assert not out.exists()


@pytest.mark.filterwarnings("ignore:KeepBest. .val_loss. or its loss")
def test_weights_that_never_validate_are_not_published(
    tiny, watched_by, photos, fit, out, sentence
):
    watched_by(SpoilValidation())

    result = fit(photos, "--epochs", 1)

    assert result.exit_code == 1
    assert "validation loss was never a finite number" in sentence(result)
    assert not out.exists()


class Terminate(keras.callbacks.Callback):
    """Sends this process SIGTERM when the second epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            # Otherwise it would end the tests.
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
            os.kill(os.getpid(), signal.SIGTERM)


def test_the_best_weights_are_left_of_a_run_that_is_terminated_later(
    tiny, watched_by, photos, fit, is_kept
):
    watched_by(Terminate())

    result = fit(photos, "--epochs", 3)

    is_kept(result, "the run was interrupted")


def test_ctrl_c_in_the_first_epoch_says_there_is_nothing(
    tiny, watched_by, photos, fit, out, sentence
):
    watched_by(Interrupt(epoch=1))

    result = fit(photos, "--epochs", 3)

    assert result.exit_code == 1
    assert "there was nothing to keep" in sentence(result)
    assert not out.exists()


def written_at_once(model, directory, **_):
    """Stands for `write_image_model`, which takes seconds."""
    (directory / "saved_model.pb").touch()


def pointwise(name, **_):
    """Stands for a backbone that adapters fit: a convolution of one pixel."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 1, activation="relu")(inputs)
    return keras.Model(inputs, x, name="old")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("--lora=2", KeyboardInterrupt),
        ("--class-weight=adjusted", OSError("it is full")),
    ],
)
def test_what_came_after_training_is_kept_too(
    option, error, photos, fit, out, sentence, monkeypatch
):
    """Merged adapters, a moved bias: the best epoch's weights lack them."""
    reports = []

    def fail(report, *args):
        reports.append(report)
        raise error

    monkeypatch.setattr("aet_keras.backbones.load_backbone", pointwise)
    monkeypatch.setattr("aet_keras.export.write_image_model", written_at_once)
    monkeypatch.setattr(
        "aet_keras.export.compare_image_export", lambda *a, **b: None
    )
    monkeypatch.setattr("aet_keras.training.run.write_report", fail)

    result = fit(photos, "--epochs", 1, option)

    assert result.exit_code == 1
    assert "The trained weights are kept" in sentence(result)
    assert os.listdir(out) == ["interrupted.keras"]
    kept = keras.models.load_model(out / "interrupted.keras")
    test = data.read_images(photos, image_size=(8, 8)).test
    said = kept.predict(test.inputs, verbose=0)
    losses = -np.log(said[np.arange(test.count), test.labels])
    assert losses.mean() == pytest.approx(reports[0].test.loss, rel=1e-4)


def test_ctrl_c_while_images_are_read_leaves_nothing(
    fit, out, sentence, monkeypatch
):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("aet_keras.data.read_images", interrupt)

    result = fit("digits")

    assert result.exit_code == 1
    assert "before there was anything to keep" in sentence(result)
    assert not out.exists()


def fail(*args, **kwargs):
    raise RuntimeError("it broke\nat node 17")


def test_an_unexpected_error_in_training_publishes_nothing(
    tiny, photos, fit, out, monkeypatch, unserved
):
    monkeypatch.setattr("aet_keras.evaluation.draw_report", fail)

    result = fit(photos, "--epochs", 1)

    assert result.exit_code == 1
    assert os.listdir(out) == ["interrupted.keras"]
    said = "RuntimeError: it broke (`--debug` shows where.) The trained weights"
    assert said in result.stderr


def test_an_error_in_a_later_epoch_leaves_the_best_weights(
    tiny, watched_by, photos, fit, out
):
    class Fail(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                fail()

    watched_by(Fail())

    result = fit(photos, "--epochs", 3)

    assert result.exit_code == 1
    assert "The weights of epoch 1, the best so far, are" in result.stderr
    assert os.listdir(out) == ["interrupted.keras"]


def test_a_full_disk_is_said_by_tensorflow_as_by_the_system():
    full = tf.errors.ResourceExhaustedError(
        None, None, "out/variables/part-0; No space left on device [Op:SaveV2]"
    )
    with (
        pytest.raises(OSError, match="^No space left on device$"),
        refused_by_the_system(),
    ):
        raise full


def test_debug_lets_an_unexpected_error_through(fit, out, monkeypatch):
    monkeypatch.setattr("aet_keras.data.read_images", fail)

    result = fit("digits", "--debug")

    assert result.exit_code == 1
    assert not out.exists()
    assert isinstance(result.exception, RuntimeError)


# A job in the background is started deaf to Ctrl-C, and its children are too.
HEARING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.slow
def test_a_real_ctrl_c_ends_the_installed_command(tmp_path, out, console):
    table = table_data.write_table(tmp_path / "rows.csv")
    command = [console, "fit", table, "--out", out, "--target", "paid"]
    with subprocess.Popen(
        [sys.executable, "-c", HEARING, *command, "--epochs", "999"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            next(line for line in process.stdout if "1/999" in line)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 1
    assert "aet-keras: Stopped: the run was interrupted." in errors
    # Nor does TensorFlow say anything.
    for noise in ("Traceback", "tensorflow", "WARNING", "E0000", "I0000"):
        assert noise not in errors
    assert os.listdir(out) == ["interrupted.keras"]
    model = keras.models.load_model(out / "interrupted.keras")
    assert model.output_shape == (None, 2)
