"""Says what head a model of images or texts has for each kind of target."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import data
from aet_keras._keras.strategy import scope_of
from aet_keras.backbones.low_rank import adapt_by_rank
from aet_keras.errors import DataError
from aet_keras.tasks.number_unit import VALUE, Unit
from aet_keras.training import job
from aet_keras.training.fine_tune import Run
from aet_keras.training.objectives import objective_of
from aet_keras.training.teachers import TaughtSplit


@dataclasses.dataclass(frozen=True)
class Head:
    """Holds what is done in another way because of a kind of target.

    Args:
        activation: str. Of the last dense layer.
        units: of the data set; returns how many it has.
        learned: of that model and labels; returns them as they are learned.
    """

    activation: str
    units: Callable[[data.Dataset], int]
    learned: Callable[[keras.Model, np.ndarray], np.ndarray] = (
        lambda model, labels: labels
    )


def _class_count(dataset):
    return len(dataset.specification.class_names)


def _in_unit(model, dataset):
    unit = Unit.fitted(dataset.train.labels)
    return keras.Model(
        model.input, unit.apply(model.output), name=f"{model.name}_in_unit"
    )


def _values(model, labels):
    return Unit.of(model).values(labels).astype("float32")[:, None]


HEADS = {
    "classes": Head("softmax", _class_count),
    "tags": Head("sigmoid", _class_count),
    "number": Head("linear", lambda dataset: 1, _values),
}


def head_of(dataset: data.Dataset) -> Head:
    """Returns the head that the target of a data set asks for."""
    return HEADS[dataset.specification.target_kind]


def compiled(model: keras.Model, recipe: Any, dataset: data.Dataset) -> Any:
    """Returns the model of a data set, what is trained of it compiled.

    Args:
        model: as a builder of `aet_keras.tasks` built it, with the head's
            activation and units.
        recipe: of images or texts.
        dataset: what the recipe reads.

    Raises:
        DataError: if adapters are asked for, and the target is a number.
    """
    if dataset.specification.target_kind == "classes":
        job.compile_classifier(model, recipe)
        return model
    if recipe.lora is not None:
        _check_lora(recipe, dataset)
        adapt_by_rank(model, recipe.lora, owner=recipe.owner)
    if dataset.specification.target_kind == "number":
        return _in_unit(model, dataset)  # `learn` compiles what is trained
    _compile(model, recipe, dataset)
    return model


def _check_lora(recipe, dataset):
    if dataset.specification.target_kind == "number":
        raise DataError(
            f"{recipe.owner}: `lora` must go with classes or tags, because "
            "merged adapters are compared by probabilities. Received: "
            f"lora={recipe.lora}, where the target is a number. Leave it out."
        )


def learner_of(model: keras.Model) -> keras.Model:
    """Returns the part of a model of a number that is trained: no unit."""
    return keras.Model(model.input, model.get_layer(VALUE).output)


def _compile(learner, recipe, dataset):
    objective = objective_of(dataset, recipe.class_weight)
    learner.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss=objective.loss,
        metrics=objective.make_metrics(),
    )


def learn(
    model: keras.Model,
    recipe: Any,
    dataset: data.Dataset,
    train: Callable[[keras.Model, data.Dataset], Run],
) -> Run:
    """Trains the part of a model that learns, on what it puts out.

    Args:
        model: what `compiled` returned.
        recipe: of the run.
        dataset: `data.Dataset` of the recipe.
        train: of that part and of the data set with labels as it learns them;
            returns the `Run`.

    Returns:
        `Run` of the whole model, which has the weights that were trained.
    """
    if dataset.specification.target_kind != "number":
        return train(model, dataset)
    # Workers train a model together that is made where its variables are.
    with scope_of(model):
        learner = learner_of(model)
        _compile(learner, recipe, dataset)
    learned = {
        name: _with_labels(getattr(dataset, name), model, dataset)
        for name in ("train", "validation")
    }
    run = train(learner, dataclasses.replace(dataset, **learned))
    return dataclasses.replace(run, model=model)


def _with_labels(split, model, dataset):
    learned = functools.partial(head_of(dataset).learned, model)
    made = dataclasses.replace(split, labels=learned(split.labels))
    if not isinstance(made, TaughtSplit):
        return made
    return dataclasses.replace(made, targets=learned(made.targets))


def said_of(dataset: data.Dataset) -> dict[str, Any]:
    """Returns what a writer of SavedModels must know of a target."""
    specification = dataset.specification
    return {
        "class_names": specification.class_names,
        "target_kind": specification.target_kind,
        "thresholds": specification.thresholds,
        "is_ordered": specification.is_ordered,
        "target_format": specification.target_format,
    }
