"""Builds the model of one trial, and fits it with the chosen values."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import keras_tuner

from aet_keras import _check as check
from aet_keras import _files, _regular_file, recipes, training
from aet_keras.errors import TrainingError
from aet_keras.training.fine_tune import stop_early
from aet_keras.training.shared_run import sums_of
from aet_keras.tuning.space import ElasticSpace

_EPOCHS = "tuner/epochs"  # what Hyperband calls them


class ElasticHyperModel(keras_tuner.HyperModel):
    """Tunes freezing, rate and anchor of a model of your own.

    Works with any tuner of KerasTuner, and with `search`. `fit` makes the
    callbacks that the values ask for, so that no two trials share any.
    Hyperband of KerasTuner goes on with the weights of an earlier trial,
    whose policies begin again then; that of `search` trains from the start.

    Args:
        build_model: function of a `keras_tuner.HyperParameters` that returns
            a compiled `keras.Model`; it may tune what it likes.
        space: optional `ElasticSpace` of `thaw`, `rate`, `anchor` and their
            numbers. Defaults to all of them.
        name: optional str.

    Raises:
        ValueError: if the space has names that only a recipe has.

    Example:

    >>> import keras_tuner
    >>> def build_model(hp):
    ...     old = keras.Sequential([keras.layers.Dense(4)], name="old")
    ...     model = keras.Sequential(
    ...         [keras.Input((3,)), old, keras.layers.Dense(1)]
    ...     )
    ...     rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    ...     model.compile(keras.optimizers.Adam(rate), "mse")
    ...     return model
    >>> hypermodel = aet_keras.tuning.ElasticHyperModel(build_model)
    >>> hp = keras_tuner.HyperParameters()
    >>> hypermodel.declare_hyperparameters(hp)
    >>> x, y = np.ones((8, 3)), np.ones((8, 1))
    >>> history = hypermodel.fit(
    ...     hp, hypermodel.build(hp), x, y, validation_data=(x, y), verbose=0
    ... )
    >>> "adaptive_learning_rate/rate" in history.history
    True
    """

    def __init__(
        self,
        build_model: Callable[[keras_tuner.HyperParameters], keras.Model],
        space: ElasticSpace | None = None,
        *,
        name: str | None = None,
    ):
        self.build_model = build_model
        space = ElasticSpace() if space is None else space
        check.instance(self, of=ElasticSpace, space=space)
        self.space = space.of_callbacks(type(self).__name__)
        super().__init__(name=name)

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        """Declares the space; KerasTuner calls it before anything is built."""
        self.space.declare(hp)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns what `build_model` returns."""
        return self.build_model(hp)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *args,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **fit_arguments,
    ) -> keras.callbacks.History:
        """Fits the model with callbacks made from the values."""
        ours = self.space.make_callbacks(self.space.declare(hp))
        return model.fit(*args, callbacks=[*ours, *callbacks], **fit_arguments)


class RecipeHyperModel(keras_tuner.HyperModel):
    """Tunes a recipe: each trial is what `aet-keras fit --recipe` would do.

    Args:
        recipe: `Recipe` with all that is not tuned.
        space: optional `ElasticSpace`. Defaults to all of it; of random
            weights there is nothing to thaw or to hold on to.
        cache: where frozen groups' features are kept, as of
            `aet_keras.training.image_job.fit_recipe`. In a folder, trials
            share them.
        data_file: optional path of a file with sums of the images. It is
            written, or they are compared with it: trials on other images
            would not compare.

    Example:

    >>> import keras_tuner
    >>> hypermodel = aet_keras.tuning.hypermodel.RecipeHyperModel(
    ...     aet_keras.recipes.Recipe("digits", epochs=3)
    ... )
    >>> hp = keras_tuner.HyperParameters()
    >>> hypermodel.declare_hyperparameters(hp)
    >>> hypermodel.to_recipe(hp.values).epochs
    3
    """

    def __init__(
        self,
        recipe: recipes.Recipe,
        space: ElasticSpace | None = None,
        *,
        cache: str | os.PathLike | None = "auto",
        data_file: str | os.PathLike | None = None,
    ):
        self.data_file = data_file
        self.recipe = check.instance(self, of=recipes.Recipe, recipe=recipe)
        self.space = _suited(recipe) if space is None else space
        check.instance(self, of=ElasticSpace, space=self.space)
        self.cache = cache
        self._dataset = None
        super().__init__()

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        """Declares the space."""
        self.space.declare(hp)

    def to_recipe(self, values: Mapping[str, Any]) -> recipes.Recipe:
        """Returns the recipe with a trial's values in it."""
        changed = self.space.to_recipe(self.recipe, values)
        epochs = values.get(_EPOCHS, changed.epochs)
        return dataclasses.replace(changed, epochs=epochs)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model of a trial, its start seeded."""
        recipe = self.to_recipe(hp.values)
        keras.utils.set_random_seed(recipe.seed)
        names = self.dataset.specification.class_names
        return training.image_job.build_classifier(recipe, len(names))

    @property
    def dataset(self):
        """The images, read once."""
        if self._dataset is None:
            dataset = training.image_job.read_dataset(self.recipe)
            _check_kind(dataset)
            if self.data_file is not None:
                _check_same(dataset, pathlib.Path(self.data_file))
            self._dataset = dataset
        return self._dataset

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> dict[str, float]:
        """Fits the model; returns the figures of the epoch that is kept.

        Raises:
            TrainingError: if the loss became NaN, or was never finite.
        """
        recipe = self.to_recipe(hp.values)
        best = stop_early(recipe.epochs, is_averaged=True)
        run = training.image_job.fit_recipe(
            model,
            recipe,
            self.dataset,
            cache=self.cache,
            best=best,
            callbacks=callbacks,
        )
        if best.failed or not best.best_epoch:  # `run_recipe` would refuse it
            why = best.stopped or "the validation loss was never finite"
            raise TrainingError(f"Stopped: {why}.")
        return {**run.best_figures, "epochs": len(run.history["loss"])}


def _check_kind(dataset):
    kind = dataset.specification.target_kind
    if kind != "classes":
        raise keras_tuner.errors.FatalValueError(
            "search: the images must have one class each, because trials are "
            "judged by accuracy or loss of classes. Received: "
            f"{dataset.specification.source}, whose target is of the kind "
            f"{kind}. Search by `aet_keras.tuning.search` with a model of "
            "your own."
        )


def _check_same(dataset, path):
    """Writes sums of a data set, or raises if it is not what it was."""
    sums = {
        name: sums_of(getattr(dataset, name))
        for name in ("train", "validation")
    }
    if not path.exists():
        _files.write_whole(path, _files.json_bytes(sums))
    elif _regular_file.read_object("search", path, "sums of images") != sums:
        raise keras_tuner.errors.FatalValueError(
            "search: the images must be those that the search began with, "
            "because its trials would not compare. Received: "
            f"{dataset.specification.source}, which has changed since. Bring "
            "them back, or name another folder for the search."
        )


def _suited(recipe):
    """Returns the default space; random weights need no anchor."""
    if recipe.weights == "none":
        return ElasticSpace({"thaw": "ThawAll", "anchor": "none"})
    return ElasticSpace()
