"""Do trackers get what a recipe's run made, and an end in any case?"""

import image_folders
import image_models
import keras
import pytest

from aet_keras.errors import TrainingError
from aet_keras.recipes import Recipe
from aet_keras.training import run_recipe


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Puts three convolutions of 8 pixels in the place of every backbone."""

    def load(name, *, weights=None, image_size=None):
        return image_models.backbone()

    monkeypatch.setattr("aet_keras.backbones.load_backbone", load)


class Tracker(keras.callbacks.Callback):
    """Notes what it is called with."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append("epoch")
        self.keys = set(logs)

    def record_hparams(self, values, metrics):
        self.calls.append("hparams")
        self.values, self.metrics = values, metrics

    def record_report(self, report, *, chart):
        self.calls.append("report")
        self.report, self.chart = report, chart.read_bytes()

    def finish(self):
        self.calls.append("finish")


@pytest.fixture
def recipe(tmp_path):
    photos = image_folders.copy_images(tmp_path / "photos")
    return Recipe(str(photos), image_size=8, epochs=1)


def test_a_tracker_gets_epochs_recipe_and_finished_report(recipe, tmp_path):
    tracker = Tracker()

    run = run_recipe(recipe, tmp_path / "out", trackers=[tracker])

    assert tracker.calls == ["epoch", "hparams", "report", "finish"]
    assert "adaptive_learning_rate/rate" in tracker.keys
    assert tracker.values == recipe.to_json()
    assert tracker.metrics["test_accuracy"] == run.report.test.accuracy
    assert tracker.report == run.report
    assert tracker.chart == (run.version / "report.png").read_bytes()


def test_an_interrupted_run_finishes_its_trackers(recipe, tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise KeyboardInterrupt

    tracker = Tracker()

    with pytest.raises(TrainingError, match="interrupted"):
        run_recipe(
            recipe,
            tmp_path / "out",
            trackers=[tracker],
            observers=[Interrupt()],
        )

    assert tracker.calls == ["finish"]
