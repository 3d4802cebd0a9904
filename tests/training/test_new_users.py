"""Does a published recommender learn new users by a recipe, and no more?"""

import dataclasses

import keras
import numpy as np
import pytest
import rated
import tensorflow as tf

from aet_keras import export, tasks, training
from aet_keras.errors import DataError, ExportError, TrainingError
from aet_keras.training.ratings_job import JOB


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Version 1 knows 12 users; version 2 has learned 4 more."""
    folder = tmp_path_factory.mktemp("films")
    path = rated.write_ratings(folder / "old.csv", range(12))
    recipe = training.RatingRecipe(
        str(path),
        **rated.FEATURES,
        factors=2,
        history_length=rated.LENGTH,
        epochs=1,
        batch_size=64,
    )
    training.run_recipe(recipe, folder / "films")
    training.run_recipe(late(folder), folder / "films")
    return folder


def late(folder, users=range(100, 104), **arguments):
    path = folder / f"late{users.start}.csv"
    rated.write_ratings(path, users, seed=1)
    return training.RatingRecipe(
        str(path),
        from_=str(folder / "films"),
        split="leave_last_out",
        epochs=2,
        **arguments,
    )


def served(version):
    return tf.saved_model.load(str(version)).signatures["serving_default"]


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


def test_a_recipe_names_the_version_that_it_began_with(folder):
    recipe = training.load_recipe(folder / "films" / "2" / "recipe.json")

    assert recipe.from_ == str(folder / "films" / "1")


def test_users_are_learned_behind_users_that_were_learned(folder):
    recipe = late(folder, range(200, 203))

    ratings = JOB.read(recipe)
    model = JOB.build(recipe, ratings)

    assert ratings.specification.users[-4:] == ("u103", "u200", "u201", "u202")
    for name in tasks.user_layers(model):
        (table,) = model.get_layer(name).get_weights()
        assert len(table) == 1 + 12 + 4 + 3
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
    for name in tasks.user_layers(kept):
        before, after = (
            each.get_layer(name).get_weights()[0] for each in (old, kept)
        )
        np.testing.assert_array_equal(after[:-3], before)
        assert after[-3:].any()


def test_ratings_that_are_others_now_are_refused(folder):
    path = folder / "old.csv"
    text = path.read_text()
    rated.write_ratings(path, range(11))
    try:
        with pytest.raises(DataError, match="Put the file back"):
            JOB.read(late(folder))
    finally:
        path.write_text(text)


def test_what_is_no_recommender_is_refused(folder, tmp_path):
    version = export.publish(tmp_path, lambda aside: (aside / "a").touch())

    with pytest.raises(ExportError, match="its recipe beside"):
        JOB.read(dataclasses.replace(late(folder), from_=str(version)))


def test_features_of_ones_own_are_refused(folder):
    with pytest.raises(ValueError, match="must not go with `from_`"):
        late(folder, user_features=("age",))
