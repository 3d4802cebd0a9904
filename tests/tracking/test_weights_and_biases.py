"""Does a run that was never on a network hold what happened?"""

import dataclasses
import json

import image_models
import keras
import numpy as np
import pytest
import tracker_files

import aet_keras
from aet_keras.tracking import WeightsAndBiases


@dataclasses.dataclass
class Done:
    path: object
    tracker: WeightsAndBiases
    logs: dict
    freezing: aet_keras.callbacks.ElasticFreezing


@pytest.fixture(scope="module")
def done(tmp_path_factory, report):
    """Returns a run of three epochs with its report, read back."""
    folder = tmp_path_factory.mktemp("out")
    keras.utils.set_random_seed(1)
    tracker = WeightsAndBiases("clothes", directory=folder, histogram_freq=2)
    rate = aet_keras.callbacks.AdaptiveLearningRate()
    freezing = image_models.gradual_freezing()
    logs = image_models.fit(
        image_models.compiled_classifier(run_eagerly=True),
        tracker,  # before ours: the place makes no difference
        freezing,
        rate,
        epochs=3,
        validation_data=image_models.noise_images(8),
    ).history
    tracker.record_hparams({"rate": 0.5, "graft": None}, {"test_loss": 0.25})
    tracker.record_report(report)
    tracker.finish()
    path = tracker_files.wait_for_run(folder)
    return Done(path, tracker, logs, freezing)


def test_every_key_of_the_logs_is_there_wherever_the_tracker_stands(done):
    epochs = tracker_files.read_history(done.path)[:3]

    assert "adaptive_learning_rate/rate" in done.logs
    assert [row["epoch"] for row in epochs] == [0, 1, 2]
    for key, values in done.logs.items():
        np.testing.assert_allclose([row[key] for row in epochs], values)


def test_each_group_says_when_it_moved(done):
    epochs = tracker_files.read_history(done.path)[:3]

    moved = [
        tuple(bool(row[f"group_trainable/{n}"]) for n in group_names(done))
        for row in epochs
    ]
    shared = [
        tuple(f"group_gradient_share/{n}" in row for n in group_names(done))
        for row in epochs
    ]
    assert moved == shared == done.freezing.history


def group_names(done):
    return done.freezing.group_names


def test_histograms_come_every_so_many_epochs(done):
    epochs = tracker_files.read_history(done.path)[:3]

    key = "scores/kernel/histogram/values"
    assert [key in row for row in epochs] == [True, False, True]
    assert sum(epochs[2][key]) == 6 * 3


def test_the_report_is_charts_text_and_a_table(done):
    last = tracker_files.read_history(done.path)[-1]
    folder = done.path.parent / "files"

    for key in ("report", "confusion_matrix", "report_text"):
        assert (folder / last[f"{key}/path"]).stat().st_size > 100
    table = (folder / last["confusion_matrix_table/path"]).read_text()
    assert json.loads(table)["data"] == [["a", 1, 0], ["b", 1, 1]]


def test_settings_and_figures_are_kept(done):
    settings = tracker_files.read_last(done.path, "config")
    figures = tracker_files.read_last(done.path, "summary")

    assert (settings["rate"], settings["graft"]) == (0.5, None)
    assert figures["test_loss"] == 0.25


def test_it_lies_in_the_folder_and_says_how_to_send_it(done):
    run = done.path.parent

    assert done.tracker.where == f"wandb sync {run}"
    assert run.name.startswith("offline-run-")
    assert tracker_files.read_exit_code(done.path) == 0
    assert done.tracker.failure is None


def test_a_run_that_is_active_is_taken_and_left_open(tmp_path):
    import wandb  # to import it takes seconds

    settings = wandb.Settings(silent=True, console="off")
    mine = wandb.init(
        project="mine", dir=tmp_path, mode="offline", settings=settings
    )
    tracker = WeightsAndBiases("other", directory=tmp_path / "no")

    image_models.fit(image_models.linear_classifier(), tracker, epochs=1)
    tracker.finish()
    mine.log({"after": 1})
    mine.finish()

    path = tracker_files.wait_for_run(tmp_path)
    first, last = tracker_files.read_history(path)
    assert "loss" in first and last["after"] == 1


def test_each_fit_has_a_run_of_its_own(tmp_path):
    first, second = (
        WeightsAndBiases("clothes", directory=tmp_path / name)
        for name in ("first", "second")
    )
    image_models.fit(
        image_models.linear_classifier(), first, epochs=1
    )  # not finished

    image_models.fit(image_models.linear_classifier(), second, epochs=2)
    first.finish()
    second.finish()

    for name, epochs in (("first", 1), ("second", 2)):
        path = tracker_files.wait_for_run(tmp_path / name)
        assert len(tracker_files.read_history(path)) == epochs


def test_an_interrupted_run_ends_as_failed(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    tracker = WeightsAndBiases("clothes", directory=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        image_models.fit(image_models.linear_classifier(), tracker, Interrupt())
    tracker.finish()

    path = tracker_files.wait_for_run(tmp_path)
    assert tracker_files.read_exit_code(path) == 1
    assert len(tracker_files.read_history(path)) == 1


@pytest.mark.parametrize(
    ("variable", "given", "mode"),
    [
        (None, None, "offline"),
        ("online", None, "online"),
        ("online", "disabled", "disabled"),
    ],
    ids=["nothing said", "variable", "argument"],
)
def test_nothing_leaves_the_machine_unasked(variable, given, mode, monkeypatch):
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)

    assert WeightsAndBiases("clothes", mode=given).mode == mode


def test_a_recommender_has_a_chart_and_a_text_and_no_matrix(
    tmp_path, rating_report
):
    tracker = WeightsAndBiases("films", directory=tmp_path)

    image_models.fit(image_models.linear_classifier(), tracker, epochs=1)
    tracker.record_report(rating_report)
    tracker.finish()

    assert tracker.failure is None
    *_, last = tracker_files.read_history(tracker_files.wait_for_run(tmp_path))
    assert {"report/path", "report_text/path"} <= set(last)
    assert "confusion_matrix/path" not in last


def test_disabled_it_writes_nothing_and_takes_everything(tmp_path, report):
    tracker = WeightsAndBiases("clothes", directory=tmp_path, mode="disabled")

    image_models.fit(image_models.linear_classifier(), tracker, epochs=1)
    tracker.record_hparams({"rate": 0.5}, {})
    tracker.record_report(report)
    tracker.finish()

    assert not list(tmp_path.iterdir())
    assert tracker.where == "" and tracker.failure is None
