"""Says what a table's model is for each kind of target."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import data, tasks
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.tasks import table_model
from aet_keras.tasks.number_unit import Unit
from aet_keras.tasks.table_model import bending_columns
from aet_keras.training import job, table_ridge, table_start
from aet_keras.training.fine_tune import Run
from aet_keras.training.objectives import objective_of
from aet_keras.training.table_encoding import Rows, encode_lean, say, stack
from aet_keras.training.taught_targets import shares_of
from aet_keras.training.teach import compile_taught
from aet_keras.training.teachers import TaughtSplit, targets_of

_CERTAIN = 2.0  # standard errors; a network that is lucky by one costs AUC


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """Holds a network that was trained, and what it was trained on.

    Args:
        learner: `keras.Model` of the network's layers.
        start: list of arrays, the weights of the network before.
        rows: dict of `"train"` and `"validation"` to encoded rows.
        wanted: dict of the same to what the learner shall put out.
        weights: optional float array, what a row of each class counts.
    """

    learner: keras.Model
    start: list[np.ndarray]
    rows: Mapping[str, Rows]
    wanted: Mapping[str, np.ndarray]
    weights: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class TableTarget:
    """Holds how a table's model is built and begun for a kind of target.

    Args:
        build: of the recipe, the data set and its `FeatureSpace`; returns a
            `keras.Model`.
        begin: of the model, the encoded rows, the recipe and the data set;
            gives a new or an earlier model its start.
        learner: of the layer `network`; returns a new model of its layers,
            which is trained: an optimizer would be saved with the network.
        learned: of the network and of labels; returns them as the learner
            puts them out.
        finish: of the run, the `Trained`, the recipe and the data set; says
            how much of the network is kept, and returns the `Run`.
        teach: of the compiled learner; compiles it for a teacher beside the
            labels, if its loss must know of it.
    """

    build: Callable[[TableRecipe, data.Dataset, Any], keras.Model]
    begin: Callable[[keras.Model, Rows, TableRecipe, data.Dataset], Any]
    learner: Callable[[keras.Model], keras.Model]
    learned: Callable[[keras.Model, np.ndarray], np.ndarray]
    finish: Callable[[Run, Trained, TableRecipe, data.Dataset], Run]
    teach: Callable[[keras.Model], None] = lambda learner: None


def target_of(dataset: data.Dataset) -> TableTarget:
    """Returns what the target of a table asks for."""
    return TARGETS[dataset.specification.target_kind]


def _build_classifier(recipe, dataset, space, activation="softmax"):
    return job.with_settings(tasks.build_table_classifier, recipe)(
        space,
        class_count=len(dataset.specification.class_names),
        activation=activation,
    )


def _begin_classes(model, rows, recipe, dataset):
    network = model.get_layer(table_model.NETWORK)
    given = network, rows, dataset.train.labels
    settings = {
        "seed": recipe.seed,
        "class_weights": job.weights_of(recipe, dataset),
    }
    if recipe.from_ is not None:
        table_start.mix_linear_path(*given, **settings)
        return
    soft = None
    if isinstance(dataset.train, TaughtSplit):
        soft = shares_of(dataset.train.targets)
    table_start.solve_linear_path(*given, **settings, soft=soft)


def _same_layers(network):
    return keras.Model(network.input, network.output, name=network.name)


def _keep_if_better(run, trained, recipe, dataset):
    """Keeps the network of classes or tags where its gain is no luck."""
    network = run.model.get_layer(table_model.NETWORK)
    losses = objective_of(dataset, recipe.class_weight).losses
    rows, wanted = trained.rows["validation"], trained.wanted["validation"]
    after, best = say(trained.learner, rows), network.get_weights()
    network.set_weights(trained.start)
    gain = losses(say(trained.learner, rows), wanted) - losses(after, wanted)
    if trained.weights is not None:
        gain *= trained.weights[wanted]
    error = gain.std() / np.sqrt(len(gain))
    if gain.mean() > _CERTAIN * error:
        network.set_weights(best)
        return run
    return _with_start(
        run,
        "the start is kept, because the loss of the validation rows became "
        f"lower by {gain.mean():.4f} at best, with a standard error of "
        f"{error:.4f}",
    )


def _with_start(run, why):
    return dataclasses.replace(
        run,
        best_epoch=0,
        is_best_solved=False,
        cache_events=[*run.cache_events, (run.best_epoch, why)],
    )


def _build_tagger(recipe, dataset, space):
    return _build_classifier(recipe, dataset, space, "sigmoid")


def _begin_tags(model, rows, recipe, dataset):
    network = model.get_layer(table_model.NETWORK)
    given = network, rows, dataset.train.labels
    settings = {"seed": recipe.seed, "class_weight": recipe.class_weight}
    if recipe.from_ is not None:
        table_start.mix_tags(*given, **settings)
        return
    is_taught = isinstance(dataset.train, TaughtSplit)
    soft = dataset.train.targets if is_taught else None
    table_start.solve_tags(*given, **settings, soft=soft)


def _build_regressor(recipe, dataset, space):
    """Builds it twice where roots are learned: that is seen by its rows."""
    build = job.with_settings(table_model.build_table_regressor, recipe)
    labels = dataset.train.labels.astype("float64")
    model = build(space, Unit.fitted(labels))
    rows, bends = encode_lean(model, dataset.train), bending_columns(model)
    unit = table_ridge.find_unit(rows, labels, bends, seed=recipe.seed)
    return model if unit.rest is None else build(space, unit)


def _begin_number(model, rows, recipe, dataset):
    begin = _solve_number if recipe.from_ is None else _mix_number
    begin(model, rows, recipe, dataset)


def _solve_number(model, rows, recipe, dataset):
    del recipe  # rows are left out one by one: nothing is drawn
    table_ridge.solve_ridge_path(
        model.get_layer(table_model.NETWORK),
        rows,
        targets_of(dataset.train),
        bends=bending_columns(model),
    )


def _mix_number(model, rows, recipe, dataset):
    table_ridge.mix_ridge_path(
        model.get_layer(table_model.NETWORK),
        rows,
        dataset.train.labels,
        seed=recipe.seed,
        bends=bending_columns(model),
    )


def _learned_numbers(network, labels):
    return Unit.of(network).values(labels).astype("float32")[:, None]


def _keep_a_share(run, trained, recipe, dataset):
    """Keeps the share of a number's network that errs least."""
    network = run.model.get_layer(table_model.NETWORK)
    rows, wanted = trained.rows["validation"], trained.wanted["validation"]
    after, best = say(trained.learner, rows), network.get_weights()
    network.set_weights(trained.start)
    before = say(trained.learner, rows)
    path = network.get_layer("linear").get_weights()
    share = table_ridge.best_share(
        Unit.of(network), before[:, 0], after[:, 0], wanted[:, 0]
    )
    if share:
        network.set_weights(best)
        table_ridge.blend(network, 1 - share, path)
        why = f"of the network's change a share of {share:.2f} is kept"
        events = [*run.cache_events, (run.best_epoch, why)]
        run = dataclasses.replace(run, cache_events=events)
    else:
        run = _with_start(
            run,
            "the start is kept, because no share of the network's change "
            "lowers the error of the validation rows",
        )
    if recipe.from_ is not None:
        return run  # its start is no ridge of these rows alone
    outputs = say(network, rows)
    _solve_again(network, path, trained, bending_columns(run.model))
    return dataclasses.replace(run, validation_outputs=outputs)


def _solve_again(network, path, trained, bends):
    """Solves the linear path on validation rows, too; the change stays."""
    rows, wanted = (
        stack([each["train"], each["validation"]])
        for each in (trained.rows, trained.wanted)
    )
    ridge = table_ridge.tune_ridge(rows, wanted[:, 0], bends)
    linear = network.get_layer("linear")
    pairs = zip(
        linear.get_weights(), path, [ridge.kernel, ridge.bias], strict=True
    )
    linear.set_weights([now + new - old for now, old, new in pairs])


TARGETS = {
    "classes": TableTarget(
        _build_classifier,
        _begin_classes,
        _same_layers,
        lambda network, labels: labels,
        _keep_if_better,
        compile_taught,
    ),
    "number": TableTarget(
        _build_regressor,
        _begin_number,
        table_ridge.learner_of,
        _learned_numbers,
        _keep_a_share,
    ),
    "tags": TableTarget(
        _build_tagger,
        _begin_tags,
        _same_layers,
        lambda network, labels: labels,
        _keep_if_better,
    ),
}
