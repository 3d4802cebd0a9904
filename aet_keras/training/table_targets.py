"""Says what a table's model is for each kind of target."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import data, tasks
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.tasks import table_model
from aet_keras.training import job, table_ridge, table_start


@dataclasses.dataclass(frozen=True)
class TableTarget:
    """Holds how a table's model is built and begun for a kind of target.

    Args:
        build: of the recipe, the data set and its `FeatureSpace`; returns a
            `keras.Model`.
        solve: of the model, the encoded rows, the recipe and the data set;
            gives a new model its start.
        mix: likewise, of an earlier model.
        learner: of the layer `network`; returns a new model of its layers,
            which is trained: an optimizer would be saved with the network.
        learned: of the network and of labels; returns them as the learner
            puts them out.
    """

    build: Callable[[TableRecipe, data.Dataset, Any], keras.Model]
    solve: Callable[[keras.Model, np.ndarray, TableRecipe, data.Dataset], Any]
    mix: Callable[[keras.Model, np.ndarray, TableRecipe, data.Dataset], Any]
    learner: Callable[[keras.Model], keras.Model]
    learned: Callable[[keras.Model, np.ndarray], np.ndarray]


def target_of(dataset: data.Dataset) -> TableTarget:
    """Returns what the target of a table asks for."""
    return TARGETS[dataset.specification.target_kind]


def _build_classifier(recipe, dataset, space):
    return job.with_settings(tasks.build_table_classifier, recipe)(
        space, class_count=len(dataset.specification.class_names)
    )


def _solve_classes(model, rows, recipe, dataset):
    _begin_classes(table_start.solve_linear_path, model, rows, recipe, dataset)


def _mix_classes(model, rows, recipe, dataset):
    _begin_classes(table_start.mix_linear_path, model, rows, recipe, dataset)


def _begin_classes(begin, model, rows, recipe, dataset):
    begin(
        model.get_layer(table_model.NETWORK),
        rows,
        dataset.train.labels,
        seed=recipe.seed,
        class_weights=job.weights_of(recipe, dataset),
    )


def _same_layers(network):
    return keras.Model(network.input, network.output, name=network.name)


def _build_regressor(recipe, dataset, space):
    labels = dataset.train.labels.astype("float64")
    return job.with_settings(table_model.build_table_regressor, recipe)(
        space, mean=float(labels.mean()), scale=float(labels.std())
    )


def _solve_number(model, rows, recipe, dataset):
    del recipe  # rows are left out one by one: nothing is drawn
    table_ridge.solve_ridge_path(
        model.get_layer(table_model.NETWORK),
        rows,
        dataset.train.labels,
        bends=table_model.bending_columns(model),
    )


def _mix_number(model, rows, recipe, dataset):
    table_ridge.mix_ridge_path(
        model.get_layer(table_model.NETWORK),
        rows,
        dataset.train.labels,
        seed=recipe.seed,
        bends=table_model.bending_columns(model),
    )


def _learned_numbers(network, labels):
    return table_ridge.standard(network, labels).astype("float32")[:, None]


TARGETS = {
    "classes": TableTarget(
        _build_classifier,
        _solve_classes,
        _mix_classes,
        _same_layers,
        lambda network, labels: labels,
    ),
    "number": TableTarget(
        _build_regressor,
        _solve_number,
        _mix_number,
        table_ridge.learner_of,
        _learned_numbers,
    ),
}
