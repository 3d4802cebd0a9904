"""Does a run do what its recipe says, and publish what it measured?"""

import dataclasses
import json
import os

import image_folders
import image_models
import keras
import lean_charts
import lean_exports
import numpy as np
import pytest

from aet_keras import data
from aet_keras.errors import DataError, ExportError, TrainingError
from aet_keras.evaluation import Report
from aet_keras.recipes import Recipe
from aet_keras.training import image_job, longer, run_recipe

# A tracker gets the chart that is published: both as they are drawn.
pytestmark = pytest.mark.drawn


@pytest.fixture(autouse=True, scope="module")
def tiny():
    """Puts three convolutions of 8 pixels in the place of every backbone."""

    def load(name, *, weights=None, image_size=None):
        return image_models.backbone()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aet_keras.backbones.load_backbone", load)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Returns a folder with grey and transparent images in it."""
    folder = image_folders.copy_images(
        tmp_path_factory.mktemp("data") / "photos"
    )
    image_folders.add_unusual_images(folder)
    return folder


@pytest.fixture(scope="module")
def recipe(photos):
    return Recipe(str(photos), image_size=8, epochs=3, learning_rate=0.01)


class Watcher(keras.callbacks.Callback):
    """Counts epochs, and spoils the head before the last one."""

    epochs = 0

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.params["epochs"]:
            head = self.model.weights[-1]
            head.assign(100.0 * np.arange(10))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.keys = set(logs)


class FirstEpoch(image_models.WeightSnapshots):
    """Keeps what an epoch did, and presses Ctrl-C before it is measured."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.logs = dict(logs)
        raise KeyboardInterrupt


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


@dataclasses.dataclass
class Done:
    run: object
    watcher: Watcher
    snapshots: image_models.WeightSnapshots
    said: list
    tracker: Tracker


@pytest.fixture(scope="module", autouse=True)
def planned():
    """Has runs end with their best epoch, though their rows are few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longer, "MOST_ROWS", 0)
        yield


@pytest.fixture(scope="module")
def done(recipe, tmp_path_factory):
    """Returns one run whose last epoch is not its best."""
    out, said = tmp_path_factory.mktemp("out"), []
    watching = Watcher(), image_models.WeightSnapshots()
    keras.utils.set_random_seed(99)  # a run has a seed of its own
    tracker = Tracker()
    run = run_recipe(
        recipe,
        out,
        observers=watching,
        say=said.append,
        trackers=[tracker],
    )
    return Done(run, *watching, said, tracker)


@pytest.fixture(scope="module")
def again(done, recipe, tmp_path_factory):
    """Returns the same run, published in the folder that it starts in."""
    folder = tmp_path_factory.mktemp("in") / done.run.version.parent.name
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        lean_exports.leave_out(patch)
        lean_charts.leave_report_blank(patch)
        return run_recipe(recipe, ".", observers=[Watcher()])


def figures(report):
    content = report.to_json()
    return {k: v for k, v in content.items() if k not in ("created", "seconds")}


def read(recipe):
    size = (recipe.image_size,) * 2
    return data.read_images(recipe.data, image_size=size, seed=recipe.seed)


def test_the_report_returned_is_the_one_in_the_files(done):
    version = done.run.version

    for folder in (version, version.parent):
        content = json.loads((folder / "report.json").read_text())
        assert content == done.run.report.to_json()
        assert Report.from_json(content).to_json() == content


def test_the_report_tells_every_epoch_and_group(done):
    report = done.run.report

    assert report.epochs == len(report.rates) == len(report.trained_groups) == 3
    assert report.group_names[-1] == "head"
    assert all(moved[-1] for moved in report.trained_groups)
    assert not any(report.trained_groups[0][:-1])
    parts = ["reading", "training", "measuring", "export", "total"]
    assert list(report.seconds) == parts
    assert report.versions["keras"] == keras.__version__
    assert report.name == done.run.version.parent.name


def test_the_weights_published_are_the_best_epochs(done, recipe):
    report, dataset = done.run.report, read(recipe)
    losses = report.history["val_loss"]
    model = keras.models.load_model(done.run.version / "model.keras")
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    split = dataset.validation
    loss, accuracy = model.evaluate(split.inputs, split.labels, verbose=0)

    assert report.best_epoch == 1 + int(np.argmin(losses)) < 3
    assert loss == pytest.approx(min(losses), rel=1e-4)  # batches differ
    assert report.validation.accuracy == pytest.approx(accuracy)
    assert report.validation.loss == pytest.approx(loss, rel=1e-4)


def test_the_test_figures_are_of_the_test_images(done, recipe):
    split = read(recipe).test

    scores = done.run.model.predict(split.inputs, verbose=0)

    right = np.mean(scores.argmax(axis=1) == split.labels)
    assert done.run.report.test.accuracy == pytest.approx(right)
    assert done.run.report.test.count == split.count


def test_the_export_was_held_against_the_model(done):
    assert done.run.comparison.difference < 1e-5
    assert done.run.comparison.count == 20
    assert done.run.version.name == "1"


def test_a_person_hears_the_counts_and_the_notes(done):
    assert done.said[0].startswith("62 / 20 / 20 images to train")
    assert tuple(done.said[1:]) == done.run.report.notes
    assert len(done.run.report.notes) == 2


def test_observers_are_called_and_see_what_ours_log(done):
    assert done.watcher.epochs == 3
    assert done.watcher.keys >= {
        "val_loss",
        "elastic_freezing/trained_groups",
        "adaptive_learning_rate/rate",
    }


def test_a_tracker_gets_epochs_recipe_and_finished_report(done, recipe):
    tracker, run = done.tracker, done.run

    calls = ["epoch"] * 3 + ["hparams", "report", "finish"]
    assert tracker.calls == calls
    assert "adaptive_learning_rate/rate" in tracker.keys
    assert tracker.values == recipe.to_json()
    assert tracker.metrics["test_accuracy"] == run.report.test.accuracy
    assert tracker.report == run.report
    assert tracker.chart == (run.version / "report.png").read_bytes()


def test_the_same_seed_gives_the_same_figures_and_weights(done, again):
    assert figures(again.report) == figures(done.run.report)
    for one, two in zip(
        again.model.weights, done.run.model.weights, strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_random_weights_all_move_and_batch_normalization_trains(
    recipe, tmp_path
):
    random = dataclasses.replace(recipe, weights="none")
    first = FirstEpoch()

    with pytest.raises(TrainingError, match="interrupted"):
        run_recipe(random, tmp_path, observers=[first])

    assert first.logs["elastic_freezing/trained_groups"] == 3
    before, after = first.taken
    still = before.keys() - image_models.changed_weights(before, after)
    assert not {path for path in still if "seed_generator" not in path}


def test_pretrained_groups_hold_still_while_the_head_trains(done):
    before, after = done.snapshots.taken[:2]

    moved = image_models.changed_weights(before, after)
    assert moved and all("probabilities" in path for path in moved)


def test_augmentation_changes_what_is_learned(done, recipe, tmp_path):
    changed = dataclasses.replace(recipe, augment="flip")
    first = FirstEpoch()

    with pytest.raises(TrainingError, match="interrupted"):
        run_recipe(changed, tmp_path, observers=[first])

    assert first.logs["loss"] != done.run.report.history["loss"][0]


def test_nothing_is_written_when_the_data_cannot_be_read(recipe, tmp_path):
    lost = dataclasses.replace(recipe, data=str(tmp_path / "lost"))

    with pytest.raises(DataError, match="Check the path"):
        run_recipe(lost, tmp_path / "out")

    assert not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused_before_reading(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.delattr(image_job.data, "read_images")
    (tmp_path / "file").touch()

    with pytest.raises(ExportError, match="Choose another folder"):
        run_recipe(recipe, tmp_path / "file")


@pytest.mark.parametrize("name", ["a[b", "back\\slash", "clothes/1"])
def test_where_no_version_can_be_loaded_is_refused_before_reading(
    name, recipe, tmp_path, monkeypatch
):
    monkeypatch.delattr(image_job.data, "read_images")
    (tmp_path / "clothes" / "1").mkdir(parents=True)
    (tmp_path / "clothes" / "1" / "saved_model.pb").touch()

    with pytest.raises(
        ExportError, match="takes it for a pattern|a version. N"
    ):
        run_recipe(recipe, tmp_path / name)

    assert os.listdir(tmp_path) == ["clothes"]


def test_an_interrupted_run_leaves_older_versions_alone(recipe, tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "kept").touch()

    with pytest.raises(TrainingError, match="nothing to keep"):
        run_recipe(recipe, tmp_path, observers=[Interrupt()])

    assert os.listdir(tmp_path) == ["1"]
    assert os.listdir(tmp_path / "1") == ["kept"]


def test_a_relative_folder_still_gives_the_report_a_name(again, done):
    assert again.report.name == done.run.version.parent.name


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
