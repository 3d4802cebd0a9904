import dataclasses

import keras_tuner
import pytest
import small_searches

from aet_keras.errors import TrainingError
from aet_keras.recipes import Recipe
from aet_keras.tuning import ElasticHyperModel, ElasticSpace
from aet_keras.tuning.hypermodel import RecipeHyperModel


def test_it_works_in_a_tuner_of_keras_tuner(tmp_path):
    tuner = keras_tuner.GridSearch(
        small_searches.hypermodel(), "val_loss", directory=str(tmp_path)
    )
    tuner.oracle.verbose = 0

    with pytest.warns(DeprecationWarning):  # KerasTuner's own
        tuner.search(**small_searches.FIT_ARGUMENTS)

    best = tuner.oracle.get_best_trials(4)
    rates = {trial.hyperparameters.get("rate") for trial in best}
    assert rates == {"WarmupCosine", "DecayOnStall"}


def test_each_fit_gets_callbacks_of_its_own():
    model = small_searches.hypermodel(
        {"thaw": "ThawAll", "rate": "WarmupCosine"}
    )
    hp = keras_tuner.HyperParameters()
    model.declare_hyperparameters(hp)

    histories = [
        model.fit(hp, model.build(hp), **small_searches.FIT_ARGUMENTS).history
        for _ in range(2)
    ]

    for history in histories:
        assert history["elastic_freezing/trained_groups"] == [1]
        assert history["adaptive_learning_rate/rate"][0] < 0.01


def test_a_space_that_only_a_recipe_has_is_refused():
    with pytest.raises(ValueError, match="ElasticHyperModel: the space must"):
        ElasticHyperModel(
            small_searches.build_model, ElasticSpace({"batch_size": [8, 16]})
        )


def test_hyperband_sets_the_epochs_of_a_recipe():
    model = RecipeHyperModel(Recipe("digits", epochs=9))

    recipe = model.to_recipe({"dropout": 0.1, "tuner/epochs": 3})

    assert (recipe.epochs, recipe.dropout) == (3, 0.1)


def test_random_weights_have_nothing_to_thaw_or_hold():
    space = RecipeHyperModel(Recipe("digits", weights="none")).space

    assert space.dimensions["thaw"].choices == ("ThawAll",)
    assert space.dimensions["anchor"].choices == ("none",)


def test_figures_are_those_of_the_epoch_that_is_kept(recipe):
    space = ElasticSpace({"dropout": 0.0}, others="fixed")
    model = RecipeHyperModel(recipe, space)
    hp = keras_tuner.HyperParameters()
    model.declare_hyperparameters(hp)

    figures = model.fit(hp, model.build(hp))

    assert figures["epochs"] == 1
    assert 0.0 <= figures["val_accuracy"] <= 1.0


def test_a_loss_that_becomes_nan_is_no_figure(recipe):
    given = {"learning_rate": 1e30, "train_batch_normalization": False}
    space = ElasticSpace(given, others="fixed")
    model = RecipeHyperModel(dataclasses.replace(recipe, epochs=2), space)
    hp = keras_tuner.HyperParameters()
    model.declare_hyperparameters(hp)

    with pytest.raises(TrainingError, match="Stopped: the loss became"):
        model.fit(hp, model.build(hp))
