"""Does `aet-keras tune` find a recipe, and say what it found?"""

import functools
import json
import os

import image_folders
import image_models
import pytest
from click.testing import CliRunner

from aet_keras import tuning
from aet_keras.cli import main
from aet_keras.cli.tune import print_line, print_table
from aet_keras.tuning.trials import Search, Trial

SPACE = {"others": "fixed", "thaw": "ThawOnStall", "dropout": [0.0, 0.5]}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in [each for each in os.environ if each[:11] == "KERASTUNER_"]:
        monkeypatch.delenv(name)


def tune_into(folder, data, *options, space=SPACE):
    """Returns `aet-keras tune DATA --out FOLDER/out ...` in this process."""
    path = folder / "space.json"
    path.write_text(json.dumps(space))
    command = ["tune", data, "--out", folder / "out", "--image-size", 8]
    command += ["--epochs", 1, "--max-trials", 2, "--space", path, *options]
    return CliRunner().invoke(main, [str(word) for word in command])


@pytest.fixture
def tune(tmp_path):
    """Returns `tune_into` for the folder of a test."""
    return functools.partial(tune_into, tmp_path)


@pytest.fixture(scope="module")
def search_photos(tmp_path_factory):
    """Returns a function that searches recipes for images in a folder."""
    photos = image_folders.copy_images(tmp_path_factory.mktemp("p") / "photos")

    def search(folder, *options):
        with pytest.MonkeyPatch.context() as patch:
            image_models.make_tiny(patch)
            patch.setattr("aet_keras.cli._display._PATIENCE_SECONDS", 0.0)
            return tune_into(folder, photos, *options)

    return search


@pytest.fixture(scope="module")
def searched(search_photos, tmp_path_factory):
    """Returns what a tracked search of two trials said, and its folder."""
    folder = tmp_path_factory.mktemp("searched")
    done = search_photos(folder, "--track", "tensorboard")
    assert done.exit_code == 0, done.output
    return done, folder / "out"


@pytest.fixture(scope="module")
def quiet(search_photos, tmp_path_factory):
    """Returns what a quiet search of one trial said, and its folder."""
    folder = tmp_path_factory.mktemp("quiet")
    return search_photos(folder, "--quiet", "--max-trials", 1), folder


def test_it_prints_a_line_a_trial_a_table_and_what_comes_next(searched):
    done, out = searched

    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [
        ["trial", "1/2"],
        ["trial", "2/2"],
    ]
    assert "val_accuracy" in lines[3] and "what was tried" in lines[3]
    assert f"aet-keras fit --recipe {out}/recipe.json" in done.stdout
    assert done.stdout.count("thaw ThawOnStall") == 4
    assert "Search: Running Trial" not in done.stdout


def test_it_says_which_trial_and_epoch_it_is_at(searched):
    done, _ = searched

    lines = done.stderr.splitlines()
    trials = [line for line in lines if line.startswith("trial ")]
    assert trials[0].startswith("trial 1 of 2, epoch 0 of 1")
    assert "trial 1 of 2, epoch 1 of 1, val_accuracy " in trials[1]
    assert "at most" in trials[1] and "best so far" not in trials[1]
    assert "trial 2 of 2, epoch 0 of 1, best so far " in trials[2]
    assert "\x1b" not in done.stderr


def test_a_tracked_search_says_where_to_look(searched):
    done, out = searched

    last = done.stdout.splitlines()[-1]
    assert last == f"Tracking: tensorboard --logdir {out / 'logs'}"
    names = sorted(path.name for path in (out / "logs").iterdir())
    assert names == ["trial_0001", "trial_0002"]


def test_quiet_prints_nothing(quiet):
    done, folder = quiet

    assert (done.exit_code, done.output) == (0, "")
    assert (folder / "out" / "recipe.json").exists()


def test_an_old_search_needs_resume(quiet, search_photos, sentence):
    _, folder = quiet

    again = search_photos(folder)
    resumed = search_photos(folder, "--resume")

    assert again.exit_code == 2
    assert "`--resume`" in sentence(again)
    assert resumed.exit_code == 0, resumed.output
    assert "trial   1" not in resumed.stdout.split("\n\n")[0]


def test_a_typo_in_a_space_gets_the_nearest_names(photos, tune, out, sentence):
    done = tune(photos, space={"learningrate": [0.1]})

    assert done.exit_code == 2
    assert "no hyperparameter `learningrate`. Nearest: `learning_rate`" in (
        sentence(done)
    )
    assert not out.exists()


def test_without_a_chief_there_is_none_to_wait_for(tune, sentence):
    done = tune("digits", "--chief-timeout", 3)

    assert done.exit_code == 2
    assert "`--chief-timeout` must go with a chief" in sentence(done)


def test_settings_reach_the_search(tune, monkeypatch):
    seen = {}

    def search_recipes(recipe, folder, **settings):
        seen.update(settings, recipe=recipe, out=folder)
        return Search((Trial(1, {}, {"val_loss": 0.5}),), "val_loss")

    monkeypatch.setattr(tuning, "search_recipes", search_recipes)
    options = "--workers 3 --tuner bayesian --objective val_loss --seed 4"

    done = tune("digits", *options.split(), "--features", "keep")

    assert done.exit_code == 0, done.output
    assert seen["recipe"].epochs == 1 and seen["recipe"].seed == 4
    assert (seen["workers"], seen["tuner"]) == (3, "bayesian")
    assert (seen["objective"], seen["features"]) == ("val_loss", "keep")
    assert seen["space"].names == ("thaw", "dropout")


def test_a_worker_without_a_chief_ends_with_the_reason(
    photos, tune, out, monkeypatch, sentence
):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker5")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")

    done = tune(photos, "--chief-timeout", 0.2)

    assert done.exit_code == 1
    assert "worker `worker5` must reach its chief" in sentence(done)
    assert not out.exists()


def test_a_failed_trial_says_with_what(capsys):
    failed = Trial(2, {"dropout": 0.5}, error="ValueError: too small")
    trials = (Trial(1, {"dropout": 0.1}, {"val_accuracy": 0.9}), failed)

    print_line(failed, "val_accuracy", 2)
    print_table(Search(trials))

    line, _, first, second = capsys.readouterr().out.splitlines()
    assert "failed" in line and "ValueError: too small" in line
    assert first.split()[:2] == ["1", "0.9000"]
    assert "ValueError: too small (dropout 0.5)" in second


def test_workers_have_a_column_where_there_are_several(capsys):
    trials = tuple(
        Trial(i, {}, {"val_accuracy": 0.1}, worker=f"worker{i}") for i in (1, 2)
    )

    print_table(Search(trials))

    header, first, _ = capsys.readouterr().out.splitlines()
    assert "worker" in header and "worker1" in first
