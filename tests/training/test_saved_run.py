"""Does a run that was killed go on, and no other one in its place?"""

import contextlib
import dataclasses
import os

import image_folders
import keras
import numpy as np
import pytest
import table_data

from aet_keras import data, recipes
from aet_keras._lock import Lock
from aet_keras.data import read_images
from aet_keras.errors import TrainingError
from aet_keras.training import run_recipe, saved_run, table_job
from aet_keras.training.saved_run import SavedRun


@pytest.fixture
def always(monkeypatch):
    """Has each epoch saved, however short it was."""
    monkeypatch.setattr(saved_run, "LEAST_SECONDS", 0.0)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = table_data.write_table(tmp_path_factory.mktemp("data") / "a.csv")
    return recipes.TableRecipe(path, table_data.TARGET, epochs=4, units=4)


def built(seed=0):
    """Returns the same model for the same seed."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def saved(recipe, out, dataset, seed=0):
    run = SavedRun(recipe, out)
    return run, list(run.introduce(dataset, built(seed)))


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C as the third epoch begins."""

    begun = ()

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = (*self.begun, epoch)
        if epoch == 2:
            raise KeyboardInterrupt


def test_the_same_command_goes_on_and_ends_the_same(
    recipe, tmp_path, always, unserved
):
    said, first, second = [], Interrupt(), Interrupt()
    second.on_epoch_begin = lambda epoch, logs=None: second.__setattr__(
        "begun", (*second.begun, epoch)
    )
    with pytest.raises(TrainingError, match="goes on from its last save"):
        run_recipe(recipe, tmp_path / "a", observers=[first])
    assert sorted(os.listdir(tmp_path / "a")) == [
        ".saves",
        "interrupted.keras",
    ]

    with pytest.warns(UserWarning, match="Interrupt started anew"):
        found = run_recipe(
            recipe, tmp_path / "a", observers=[second], say=said.append
        )

    job = table_job.JOB
    dataset = job.read(recipe)
    keras.utils.set_random_seed(recipe.seed)
    model = job.build(recipe, dataset)
    whole = job.fit(model, recipe, dataset, best=job.best(recipe, dataset))
    assert (first.begun, second.begun) == ((0, 1, 2), (2, 3))
    assert any("The same run was interrupted before" in each for each in said)
    assert "The run was interrupted" in found.report.notes[-1]
    assert found.report.history["loss"] == whole.history["loss"]
    for one, other in zip(
        found.model.get_weights(), whole.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert not (tmp_path / "a" / ".saves").exists()


@pytest.fixture(scope="module")
def dataset(recipe):
    return data.read_table(recipe.data, target=recipe.target)


def other_cell(dataset):
    ages = np.array(dataset.test.inputs["age"])
    ages[-1] += 1
    inputs = {**dataset.test.inputs, "age": ages}
    test = dataclasses.replace(dataset.test, inputs=inputs)
    return dataclasses.replace(dataset, test=test)


def test_another_recipe_or_other_data_are_another_run(
    recipe, dataset, tmp_path
):
    one, _ = saved(recipe, tmp_path, dataset)
    folders = {one.folder}

    again, said = saved(recipe, tmp_path, dataset)
    folders.add(again.folder)
    assert len(folders) == 1 and said == []

    more = dataclasses.replace(recipe, epochs=5)
    for run, _ in (
        saved(more, tmp_path, dataset),
        saved(recipe, tmp_path, other_cell(dataset)),
        saved(recipe, tmp_path, dataset, seed=1),  # weights of another file
    ):
        folders.add(run.folder)
    assert len(folders) == 4


def test_one_pixel_of_images_that_are_streamed_is_seen(tmp_path):
    folder = image_folders.copy_images(tmp_path / "photos")
    settings = {"image_size": (8, 8), "seed": 0}
    sums = []
    for streams in (True, True, None):
        if streams is None:
            file = sorted(folder.rglob("*.png"))[0]
            image = np.array(keras.utils.load_img(file))
            image[0, 0] ^= 255
            keras.utils.save_img(file, image, scale=False)
        found = read_images(folder, stream=True, **settings)
        recipe = recipes.Recipe(str(folder), augment="none")
        sums.append(saved(recipe, tmp_path, found)[0].folder)

    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    "settings",
    [{"teacher": "a.keras"}, {"unlabelled": "more"}],
    ids=lambda settings: next(iter(settings)),
)
def test_what_cannot_be_had_again_is_not_saved(settings, dataset, tmp_path):
    recipe = recipes.Recipe("digits", **{"augment": "none", **settings})

    run, said = saved(recipe, tmp_path, dataset)

    assert (run.begin(), said) == ([], [])


def write_save(run):
    folder = run.folder
    (folder / "epochs" / "save-00000001").mkdir(parents=True)
    return folder


def test_a_run_that_another_process_has_is_not_saved(recipe, dataset, tmp_path):
    folder = write_save(saved(recipe, tmp_path, dataset)[0])
    lock = Lock(folder, lambda: True)

    run, (said,) = saved(recipe, tmp_path, dataset)

    assert "Another process has the same run" in said
    assert run.begin() == []
    with run.ended():  # it has published: the other goes on
        pass
    assert folder.exists()
    lock.release()


def test_of_two_that_begin_at_once_one_is_saved(recipe, dataset, tmp_path):
    one, two = (saved(recipe, tmp_path, dataset)[0] for _ in range(2))

    assert (len(one.begin()), two.begin()) == (1, [])

    with two.ended():
        pass
    assert os.listdir(tmp_path / ".saves") == [one.folder.name]
    with one.ended():
        pass
    assert not (tmp_path / ".saves").exists()


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [(KeyboardInterrupt, True), (OSError, True), (TrainingError, False)],
)
def test_saves_are_kept_where_the_same_command_can_end_better(
    error, is_kept, recipe, dataset, tmp_path
):
    run, _ = saved(recipe, tmp_path, dataset)
    folder = write_save(run)

    with contextlib.suppress(error), run.ended():
        raise error("stopped")

    assert folder.exists() is is_kept
    assert bool(run.advice) is is_kept


def test_a_short_run_writes_nothing(recipe, tmp_path):
    with pytest.raises(TrainingError, match="interrupted") as caught:
        run_recipe(recipe, tmp_path / "a", observers=[Interrupt()])

    assert "goes on" not in str(caught.value)
    assert os.listdir(tmp_path / "a") == ["interrupted.keras"]
