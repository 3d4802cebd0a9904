"""Does a published recommender learn new users by a recipe, and no more?"""

import dataclasses

import keras
import numpy as np
import pytest
import rating_data
import tensorflow as tf

from aet_keras import publishing, recipes, tasks, training
from aet_keras.errors import DataError, ExportError, TrainingError
from aet_keras.training.rating_job import JOB


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Returns a folder, and what was published there: it knows 12 users."""
    folder = tmp_path_factory.mktemp("films")
    path = rating_data.write_ratings(folder / "old.csv", range(12))
    recipe = rating_data.rating_recipe(path, epochs=1)
    return folder, training.run_recipe(recipe, folder / "films")


@pytest.fixture(scope="module")
def folder(published):
    """Version 1 knows 12 users; version 2 has learned 16 more."""
    folder, _ = published
    path = folder / "old.csv"
    path.unlink()  # what was learned is kept with the model
    training.run_recipe(late(folder), folder / "films")
    return folder


def late(folder, users=range(100, 116), **arguments):
    """Writes ratings of more users, to whom items are of other decades."""
    path = folder / f"late{users.start}.csv"
    rating_data.write_ratings(path, users, seed=1, later=4)
    return recipes.RatingRecipe(
        str(path),
        from_=str(folder / "films"),
        split="leave_last_out",
        epochs=2,
        **arguments,
    )


def served(version, name="serving_default"):
    return tf.saved_model.load(str(version)).signatures[name]


def test_the_export_agrees(published):
    _, run = published

    assert run.comparison.is_telling and run.comparison.difference < 1e-5
    manifest = publishing.manifest.read_manifest(run.version)
    assert manifest.signatures["top_k"]


def test_what_is_served_to_old_users_stays_and_new_ones_are_known(folder):
    asked = {
        side: tf.constant([f"{side[0]}{i}" for i in codes])
        for side, codes in (("user", [0, 5, 11, 102]), ("item", [3, 0, 7, 4]))
    }

    before, after = (served(folder / "films" / n)(**asked) for n in "12")

    np.testing.assert_array_equal(before["is_known"], [True] * 3 + [False])
    np.testing.assert_array_equal(after["is_known"], [True] * 4)
    before, after = before["scores"].numpy(), after["scores"].numpy()
    np.testing.assert_array_equal(after[:3], before[:3])
    assert after[3] != before[3]


def test_what_old_users_are_recommended_stays(folder):
    users = tf.constant([f"u{i}" for i in range(12)])

    before, after = (
        served(folder / "films" / n, "top_k")(user=users, k=tf.fill([12], 3))
        for n in "12"
    )

    for name in ("items", "scores", "ratings"):
        np.testing.assert_array_equal(after[name], before[name])


def test_a_recipe_names_the_version_that_it_began_with(folder):
    recipe = recipes.load_recipe(folder / "films" / "2" / "recipe.json")

    assert recipe.from_ == str(folder / "films" / "1")


def test_users_are_learned_behind_users_that_were_learned(folder):
    recipe = late(folder, range(200, 203))

    ratings = JOB.read(recipe)
    model = JOB.build(recipe, ratings)

    assert ratings.specification.users[-4:] == ("u115", "u200", "u201", "u202")
    for name in tasks.rating_model.user_layers(model):
        (table,) = model.get_layer(name).get_weights()
        assert len(table) == 1 + 12 + 16 + 3
        assert table[-7:-3].any() and not table[-3:].any()


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C in the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_what_an_interrupted_run_has_learned_of_new_users_is_kept(folder):
    out = folder / "interrupted"

    with pytest.raises(TrainingError, match="interrupted"):
        training.run_recipe(
            late(folder, range(300, 303)), out, observers=[Interrupt()]
        )

    old, kept = (
        keras.models.load_model(path, compile=False)
        for path in (
            folder / "films" / "2" / "model.keras",
            out / "interrupted.keras",
        )
    )
    for name in tasks.rating_model.user_layers(kept):
        before, after = (
            each.get_layer(name).get_weights()[0] for each in (old, kept)
        )
        np.testing.assert_array_equal(after[:-3], before)
        assert after[-3:].any()


def test_a_user_that_is_known_is_refused_whatever_split_has_it(folder):
    recipe = late(folder, range(400, 404))
    path = folder / "late400.csv"
    path.write_text(path.read_text() + "\nu3,i1,old,0,4")

    for seed in range(4):
        with pytest.raises(DataError, match="`u3`, known already"):
            JOB.read(dataclasses.replace(recipe, seed=seed, split="random"))


def test_ratings_of_items_that_are_not_known_are_left_out(folder):
    recipe = late(folder, range(500, 503))
    path = folder / "late500.csv"
    others = ["u500", "u501", "u502"]
    rows = [f"{user},x{i},old,0,4" for user in others for i in range(9)]
    path.write_text("\n".join([path.read_text(), *rows]))

    ratings = JOB.read(recipe)

    assert ratings.new.train.inputs["item"].all()
    left_out = 27 + 24 - ratings.new.train.count - 6  # 6 are held out
    assert f"{left_out} were left out" in ratings.notes[-1]


def test_a_file_of_other_items_alone_is_refused(folder):
    recipe = late(folder, range(600, 603))
    path = folder / "late600.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *(r.replace(",i", ",x") for r in rows)]))

    with pytest.raises(DataError, match="ids are written as before"):
        JOB.read(recipe)


def test_what_keeps_no_ratings_is_refused(folder, tmp_path):
    version = publishing.publish(
        tmp_path, lambda aside: (aside / "saved_model.pb").touch()
    )

    with pytest.raises(ExportError, match="its ratings beside it"):
        JOB.read(dataclasses.replace(late(folder), from_=str(version)))


def test_kept_ratings_that_are_damaged_are_refused(folder, tmp_path):
    path = folder / "films" / "2" / "ratings.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    for name in ("manifest.json", "saved_model.pb"):
        (tmp_path / name).touch()
    (tmp_path / path.name).write_bytes(content)

    with pytest.raises(ExportError, match="its ratings beside it"):
        JOB.read(dataclasses.replace(late(folder), from_=str(tmp_path)))


def test_features_are_those_of_the_earlier_model(folder):
    with pytest.raises(DataError, match="where it looks at age"):
        JOB.read(late(folder, range(700, 703), user_features=("item",)))
    again = late(folder, range(700, 703), **rating_data.FEATURES)
    assert JOB.read(again).new.train.inputs["user_features"].shape[1] == 1
