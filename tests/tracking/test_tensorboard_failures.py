"""What cannot be written, and when is that the end?"""

import resource
import sys

import image_models
import keras
import pytest
import tensorflow as tf
import tracker_files

from aet_keras.tracking import TensorBoard


class DiskFills(keras.callbacks.Callback):
    """Lets no file of this process grow from the second epoch on."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, HARD))


SOFT, HARD = resource.getrlimit(resource.RLIMIT_FSIZE)


@pytest.fixture
def fills():
    yield DiskFills()
    resource.setrlimit(resource.RLIMIT_FSIZE, (SOFT, HARD))


def test_a_full_disk_is_warned_of_once_and_the_training_goes_on(
    tmp_path, fills
):
    board = TensorBoard(tmp_path, histogram_freq=1)  # flushes each epoch

    with pytest.warns(UserWarning, match="The training goes on") as warned:
        history = image_models.fit(
            image_models.linear_classifier(), board, fills
        )

    (said,) = [each for each in warned if each.category is UserWarning]
    assert len(history.history["loss"]) == 4
    assert "too large" in board.failure  # what the system says of the limit
    assert str(tmp_path) in str(said.message)


def test_what_was_written_before_can_be_read(tmp_path, fills):
    with pytest.warns(UserWarning):
        image_models.fit(
            image_models.linear_classifier(),
            TensorBoard(tmp_path, histogram_freq=1),
            fills,
        )

    assert list(
        tracker_files.read_scalars(tmp_path / "train")["epoch_loss"]
    ) == [0]


def test_after_a_failure_a_new_fit_tries_again(tmp_path, fills):
    board = TensorBoard(tmp_path, histogram_freq=1)
    with pytest.warns(UserWarning):
        image_models.fit(image_models.linear_classifier(), board, fills)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SOFT, HARD))

    image_models.fit(image_models.linear_classifier(), board, epochs=1)

    assert board.failure is None


def test_a_writer_that_fails_in_a_batch_leaves_no_writer_behind(
    tmp_path, monkeypatch
):
    def broken(*arguments, **named):
        raise OSError("no space left")

    board = TensorBoard(tmp_path / "logs", update_freq=1)
    monkeypatch.setattr(tf.summary, "scalar", broken)
    with pytest.warns(UserWarning, match="no space left"):
        image_models.fit(image_models.linear_classifier(), board, epochs=1)
    monkeypatch.undo()

    assert not tf.summary.should_record_summaries()


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    board = TensorBoard(tmp_path / "file" / "logs")

    with pytest.raises(ValueError, match="Name another folder"):
        image_models.fit(image_models.linear_classifier(), board)


def test_another_caller_than_fit_is_refused(tmp_path):
    x, y = image_models.noise_images(8)
    model, board = image_models.linear_classifier(), TensorBoard(tmp_path)
    listed = keras.callbacks.CallbackList([board], model=model)

    with pytest.raises(ValueError, match=r"Pass it to `model\.fit`"):
        listed.on_train_begin()


@pytest.mark.parametrize(
    ("arguments", "error", "advice"),
    [
        ({"log_dir": 3}, TypeError, "must be a path"),
        ({"histogram_freq": -1}, ValueError, "at least 0"),
        ({"write_grahp": True}, ValueError, "Nearest: `write_graph`"),
    ],
    ids=["no path", "negative", "typo"],
)
def test_a_wrong_argument_is_refused(arguments, error, advice):
    with pytest.raises(error, match=advice):
        TensorBoard(**{"log_dir": "logs", **arguments})


def test_without_tensorboard_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(ImportError, match=r"aet-keras\[tracking]"):
        TensorBoard("logs")
