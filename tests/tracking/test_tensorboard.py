"""Do the event files hold what happened, read by TensorBoard itself?"""

import copy
import dataclasses

import image_models
import interrupted_runs
import keras
import numpy as np
import pytest
import tracker_files

import aet_keras
from aet_keras.tracking import TensorBoard


@dataclasses.dataclass
class Done:
    folder: object
    board: TensorBoard
    logs: dict
    weights: list
    freezing: aet_keras.callbacks.ElasticFreezing


def run(*callbacks):
    """Fits four epochs, with the same seed each time."""
    keras.utils.set_random_seed(1)
    model = image_models.compiled_classifier(
        metrics=["accuracy"], run_eagerly=True
    )
    freezing = image_models.gradual_freezing()
    rate = aet_keras.callbacks.AdaptiveLearningRate()
    found = image_models.fit(
        model,
        *callbacks,  # before ours: the place makes no difference
        freezing,
        rate,
        validation_data=image_models.noise_images(8),
    )
    return model.get_weights(), freezing, found.history


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    board = TensorBoard(folder, histogram_freq=2)
    weights, freezing, logs = run(board)
    return Done(folder, board, logs, weights, freezing)


def test_every_key_of_the_logs_is_there_wherever_the_tracker_stands(done):
    train = tracker_files.read_scalars(done.folder / "train")
    validation = tracker_files.read_scalars(done.folder / "validation")

    assert "adaptive_learning_rate/rate" in done.logs
    for key, values in done.logs.items():
        written = validation if key.startswith("val_") else train
        points = written[f"epoch_{key.removeprefix('val_')}"]
        assert list(points) == [0, 1, 2, 3]
        np.testing.assert_allclose(list(points.values()), values, rtol=1e-6)


def test_each_group_is_a_run_that_says_when_it_moved(done):
    groups = sorted(path.name for path in (done.folder / "groups").iterdir())

    assert groups == sorted(done.freezing.group_names)
    for column, name in enumerate(done.freezing.group_names):
        written = tracker_files.read_scalars(done.folder / "groups" / name)
        moved = [epoch[column] for epoch in done.freezing.history]
        assert list(written["group_trainable"].values()) == moved
        shares = written["group_gradient_share"]
        assert list(shares) == [epoch for epoch in range(4) if moved[epoch]]
        multipliers = list(written["group_multiplier"].values())
        assert [value > 0 for value in multipliers] == moved


def test_histograms_come_every_so_many_epochs(done):
    written = tracker_files.read_tensors(done.folder / "train")

    histogram = written["scores/kernel/histogram"]
    assert list(histogram) == [0, 2]
    assert histogram[2][:, 2].sum() == 6 * 3  # bins count all weights


def test_tracking_changes_no_weight_and_no_log(done):
    alone, _, logs = run()

    assert logs == done.logs
    for one, two in zip(alone, done.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_it_says_which_command_shows_the_run(done):
    assert done.board.where == f"tensorboard --logdir {done.folder}"
    assert TensorBoard("my logs").where == "tensorboard --logdir 'my logs'"


def test_the_folder_is_read_when_fit_starts(tmp_path):
    board = copy.deepcopy(TensorBoard(tmp_path / "old"))  # as KerasTuner does
    board.log_dir = str(tmp_path / "new")

    image_models.fit(image_models.linear_classifier(), board, epochs=1)

    assert tracker_files.read_scalars(tmp_path / "new" / "train")
    assert not (tmp_path / "old").exists()


def test_a_second_fit_is_written_too(tmp_path):
    board, model = TensorBoard(tmp_path), image_models.linear_classifier()

    image_models.fit(model, board, epochs=1)
    model.fit(*image_models.noise_images(), 8, 3, 0, [board], initial_epoch=1)

    assert list(
        tracker_files.read_scalars(tmp_path / "train")["epoch_loss"]
    ) == [0, 1, 2]


def test_what_keras_takes_is_handed_on(tmp_path):
    board = TensorBoard(tmp_path, update_freq=1)

    image_models.fit(image_models.linear_classifier(), board, epochs=2)

    losses = tracker_files.read_scalars(tmp_path / "train")["batch_loss"]
    assert list(losses) == list(range(1, 9))


def test_an_interrupted_fit_is_closed_by_finish(tmp_path):
    board = TensorBoard(tmp_path)

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        image_models.fit(image_models.linear_classifier(), board, Interrupt())
    board.finish()

    assert list(
        tracker_files.read_scalars(tmp_path / "train")["epoch_loss"]
    ) == [0, 1]


def test_a_killed_run_goes_on_where_its_log_ended(tmp_path):
    killed_board, board = (TensorBoard(tmp_path / "logs") for _ in range(2))
    interrupted_runs.run_until_killed(
        tmp_path / "saves", (2, 3), also=[killed_board]
    )
    killed_board.finish()

    run = interrupted_runs.run(tmp_path / "saves", also=[board])

    assert run.checkpoint.not_restored == ()  # a tracker needs no warning
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(), run
    )  # which nobody tracked
    losses = tracker_files.read_scalars(tmp_path / "logs" / "train")[
        "epoch_loss"
    ]
    assert list(losses) == [0, 1, 2, 3]
    np.testing.assert_allclose(
        list(losses.values()), run.history["loss"], rtol=1e-6
    )
