"""What cannot be logged, and when is that the end?"""

import importlib
import sys

import image_models
import pytest
import tracker_files

from aet_keras.tracking import WeightsAndBiases


@pytest.fixture
def wandb():
    """Returns the package; to import it takes seconds."""
    return importlib.import_module("wandb")


def test_what_cannot_be_logged_is_warned_of_and_the_training_goes_on(
    tmp_path, monkeypatch, report, wandb
):
    def broken(run, *arguments, **named):
        raise wandb.Error("quota exceeded")

    tracker = WeightsAndBiases("clothes", directory=tmp_path)
    monkeypatch.setattr(wandb.Run, "log", broken)
    with pytest.warns(UserWarning, match="The training goes on") as warned:
        history = image_models.fit(
            image_models.linear_classifier(), tracker, epochs=3
        )
    tracker.record_report(report)
    tracker.finish()

    assert len(warned) == 1 and len(history.history["loss"]) == 3
    assert tracker.failure == "quota exceeded"
    assert (
        tracker_files.read_exit_code(tracker_files.wait_for_run(tmp_path)) == 0
    )


def test_a_run_that_cannot_begin_is_refused_at_the_start(
    tmp_path, monkeypatch, wandb
):
    def refuse(**settings):
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "init", refuse)
    tracker = WeightsAndBiases("clothes", directory=tmp_path, mode="online")

    with pytest.raises(ValueError, match="No API key.*Log in by `wandb login`"):
        image_models.fit(image_models.linear_classifier(), tracker, epochs=1)


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    tracker = WeightsAndBiases("clothes", directory=tmp_path / "file")

    with pytest.raises(ValueError, match="Name another folder"):
        image_models.fit(image_models.linear_classifier(), tracker)


def test_a_report_needs_a_run(report):
    tracker = WeightsAndBiases("clothes")

    with pytest.raises(ValueError, match=r"Call `finish\(\)` last"):
        tracker.record_report(report)


def test_a_mode_with_a_typo_is_refused():
    with pytest.raises(ValueError, match="one of 'offline', 'online'"):
        WeightsAndBiases("clothes", mode="ofline")


def test_without_wandb_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)

    with pytest.raises(ImportError, match=r"aet-keras\[tracking]"):
        WeightsAndBiases("clothes")
