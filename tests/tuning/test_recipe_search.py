import csv
import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
import tracker_files
import warm_processes
from tensorboard.plugins.hparams import metadata

from aet_keras import _processes
from aet_keras.errors import TrainingError
from aet_keras.recipes import Recipe
from aet_keras.tuning import ElasticSpace, search_recipes

HEADS = {"thaw": "ThawOnStall", "dropout": [0.0, 0.2, 0.4, 0.6]}


def heads(**dimensions):
    """Returns a space of heads alone, on frozen groups."""
    return ElasticSpace({**HEADS, **dimensions}, others="fixed")


def names(out):
    return {path.name for path in out.iterdir()}


def table(out):
    return list(csv.DictReader((out / "trials.csv").read_text().splitlines()))


@pytest.fixture
def longer(recipe):
    """Returns the recipe with a second epoch, which replays the first."""
    return dataclasses.replace(recipe, epochs=2)


def tracked(out):
    """Returns what TensorBoard has of each trial: values, and scalars."""
    found = {}
    for folder in sorted((out / "logs").iterdir()):
        content = tracker_files.read_plugin_content(
            folder, metadata.SESSION_START_INFO_TAG
        )
        start = metadata.parse_session_start_info_plugin_data(content)
        found[folder.name] = start.hparams, tracker_files.read_scalars(folder)
    return found


@pytest.fixture(scope="module")
def searched(recipe, tmp_path_factory):
    """Returns a folder, and the search with TensorBoard that ended in it."""
    out = tmp_path_factory.mktemp("search") / "out"
    (out / "features").mkdir(parents=True)  # goes, as it is not to be kept
    return out, search_recipes(
        recipe, out, space=heads(), max_trials=2, track="tensorboard"
    )


def test_the_best_recipe_is_written_and_can_be_run(searched):
    out, found = searched

    best = Recipe.load(out / "recipe.json")
    assert best.dropout == found.best.values["dropout"]
    assert best.thaw == {"policy": "ThawOnStall"}
    assert [row["dropout"] for row in table(out)] == [
        str(trial.values["dropout"]) for trial in found.trials
    ]
    files = {"recipe.json", "trials.csv", "trials.png", "search.json"}
    assert names(out) == files | {"search", "logs"}


def test_a_tracked_search_is_a_run_a_trial(searched):
    out, found = searched

    runs = tracked(out)
    assert list(runs) == ["trial_0001", "trial_0002"]
    for (hparams, scalars), trial in zip(
        runs.values(), found.trials, strict=True
    ):
        assert hparams["thaw"].string_value == "ThawOnStall"
        assert hparams["dropout"].number_value == trial.values["dropout"]
        figure = trial.figures["val_accuracy"]
        assert scalars["val_accuracy"] == {0: pytest.approx(figure)}
    curves = tracker_files.read_scalars(
        out / "logs" / "trial_0001" / "validation"
    )
    assert curves["epoch_accuracy"]


def test_tracking_without_tensorboard_is_said_before_anything(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(ImportError, match=r"aet-keras\[tracking\]"):
        search_recipes(recipe, tmp_path / "out", track="tensorboard")

    assert not (tmp_path / "out").exists()


def test_a_later_trial_takes_the_features_of_an_earlier_one(longer, tmp_path):
    out, counts = tmp_path / "out", []

    def watch(trial):
        counts.append(len(list((out / "features").glob("*/*/rows.bin"))))

    search_recipes(
        longer,
        out,
        space=heads(dropout=0.2, batch_size=[16, 32]),
        max_trials=2,
        features="keep",
        watch=watch,
    )

    assert counts[0] > 0
    assert counts == counts[:1] * 2  # whatever the batches, nothing is added
    assert not (out / "logs").exists()  # nobody asked to track it


def test_a_search_does_not_go_on_with_other_images(longer, tmp_path):
    out, photos = tmp_path / "out", tmp_path / "photos"
    shutil.copytree(longer.data, photos)
    recipe = dataclasses.replace(longer, data=str(photos))
    first = search_recipes(recipe, out, space=heads(), max_trials=1)
    next(photos.rglob("*.png")).unlink()

    with pytest.raises(ValueError, match="which has changed since"):
        search_recipes(recipe, out, space=heads(), max_trials=2, resume=True)

    assert table(out)[0]["val_accuracy"] == str(first.scores[0])


def test_images_with_several_tags_are_refused_at_once(longer, tmp_path):
    path, images = tmp_path / "rows.csv", Path(longer.data).rglob("*.png")
    rows = [f"{image},{image.parent.name};red" for image in images]
    path.write_text("\n".join(["file,tags", *rows]))
    recipe = dataclasses.replace(
        longer,
        data=str(path),
        image_column="file",
        target="tags",
        target_kind="tags",
    )
    seen = []

    with pytest.raises(ValueError, match="one class each.*of the kind tags"):
        search_recipes(recipe, tmp_path / "out", watch=seen.append)

    assert not seen


def test_all_failing_leaves_the_table_and_runs_without_a_row(longer, tmp_path):
    space, out = heads(learning_rate=1e30), tmp_path / "out"

    with pytest.raises(TrainingError, match="at least one trial must end well"):
        search_recipes(
            longer, out, space=space, max_trials=1, track="tensorboard"
        )

    (row,) = table(out)
    assert "the loss became" in row["error"]
    assert not (out / "recipe.json").exists()
    (folder,) = (out / "logs").iterdir()
    assert not list(folder.glob("events*"))
    assert tracker_files.read_scalars(folder / "train")


def test_one_of_several_processes_starts_no_others(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "9")

    with pytest.raises(ValueError, match="Unset the variable, or leave"):
        search_recipes(recipe, tmp_path / "out", workers=2)


# A worker as it is, but for three convolutions in the place of the backbone;
# the second one is killed with -9 in the middle of its first trial.
WORKER = """
import os, pathlib, signal, sys
sys.path.insert(0, {tests!r})
import image_models, lean_tensorflow
lean_tensorflow.trace_faster()
lean_tensorflow.optimize_graphs(False)
from aet_keras import backbones, training
from aet_keras.tuning import __main__ as worker

backbones.load_backbone = lambda *_, **settings: image_models.backbone()
mark = pathlib.Path(sys.argv[1], "killed")
fit = training.image_job.fit_recipe

def fit_or_be_killed(*arguments, **settings):
    if os.environ["KERASTUNER_TUNER_ID"] == "worker1" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return fit(*arguments, **settings)

training.image_job.fit_recipe = fit_or_be_killed
sys.exit(worker.main(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_worker_killed_with_9_gets_its_trial_back(
    recipe, tmp_path, monkeypatch, pytestconfig
):
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER.format(tests=str(pytestconfig.rootpath / "tests")))
    monkeypatch.setattr(_processes, "python", lambda _, folder: [folder])
    monkeypatch.setattr(
        _processes, "subprocess", warm_processes.stand_in(worker)
    )
    out, seen = tmp_path / "out", []

    found = search_recipes(
        recipe,
        out,
        space=heads(),
        max_trials=3,
        workers=2,
        track="tensorboard",
        watch=seen.append,
    )

    assert (out / "killed").exists()
    assert [s["val_accuracy"][0] for _, s in tracked(out).values()] == [
        pytest.approx(trial.figures["val_accuracy"]) for trial in found.trials
    ]
    assert [trial.error for trial in found.trials] == [None] * 3
    attempts = [
        (out / "search" / f"trial_{i}" / "attempts").read_text()
        for i in range(3)
    ]
    assert sorted(attempts) == ["1", "1", "2"]
    (again,) = (t for t in found.trials if attempts[t.number - 1] == "2")
    assert again.worker == "worker1"
    assert sorted(trial.number for trial in seen) == [1, 2, 3]
    logs = [path.read_text() for path in (out / "workers").glob("*.log")]
    assert not [log for log in logs if "ThawOnStall" in log or "Trial" in log]
