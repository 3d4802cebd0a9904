"""Defines the steps of a run on a table."""

import dataclasses
import math
from collections.abc import Sequence

import keras

from aet_keras import callbacks as parts
from aet_keras import data, export, policies, tasks
from aet_keras._keras.strategy import scope_of
from aet_keras._wording import counted, short
from aet_keras.data.splits import SPLITS
from aet_keras.publishing.publication import find_version
from aet_keras.recipes import shared_settings
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.training import job, table_encoding, table_measuring
from aet_keras.training.fine_tune import Run, fine_tune
from aet_keras.training.objectives import objective_of
from aet_keras.training.table_pretraining import guess_masked_cells
from aet_keras.training.table_targets import Trained, target_of
from aet_keras.training.teacher_rows import check_is_published, rows_as_read
from aet_keras.training.teachers import TaughtSplit, targets_of, with_teacher

_COMPARED_ROWS = 64
_RATE, _OLD_RATE = 3e-3, 1e-3  # of a new network, and of an earlier one
_BATCH, _JUDGED_AT_ONCE = 64, 1024
_BATCHES = 50  # about so many an epoch, where rows are few or many
_LEAST_BATCH, _MOST_BATCH = 16, 256
_EPOCHS, _LEAST_EPOCHS, _STEPS = 40, 4, 2000
_ATTENTION = ["attention", "gate", "pool"]
_NEW_GROUPS = [["linear"], ["tokens", *_ATTENTION]]
_OLD_GROUPS = [["tokens"], _ATTENTION]


def read_rows(recipe: TableRecipe) -> data.Dataset:
    """Reads the table of a recipe.

    Args:
        recipe: `TableRecipe`.

    Returns:
        `aet_keras.data.Dataset`; with `from_`, of the columns and the classes
        of the earlier model.

    Raises:
        DataError: if the table cannot be learned from, or has nothing that
            the earlier model knows.
        ExportError: if there is no earlier model.

    Example:

    >>> recipe = aet_keras.recipes.TableRecipe("nowhere.csv", "paid")
    >>> try:
    ...     aet_keras.training.table_job.read_rows(recipe)
    ... except aet_keras.errors.DataError as error:
    ...     "which is not there" in str(error)
    True
    """
    like, learned = None, {}
    if recipe.from_ is not None:
        earlier = find_version(recipe.from_)
        like = export.table_manifest.read_table_manifest(earlier)
        learned = export.table_manifest.read_categories(earlier)
    read = job.with_settings(data.read_table, recipe)
    dataset = read(recipe.data, like=like)
    notes = (
        *dataset.notes,
        *notes_of_new(dataset, learned),
        *shared_settings.note_of_earlier(recipe, "units", "dropout"),
    )
    dataset = dataclasses.replace(dataset, notes=notes)
    return job.with_note(recipe, dataset)


def notes_of_new(dataset, learned):
    """Yields notes on categories that the earlier model has no place for.

    Args:
        dataset: `data.Dataset`.
        learned: dict of a column's name to the categories that it learned.
    """
    for column in dataset.specification.columns:
        if column.name not in learned:
            continue
        known = {"", *learned[column.name]}
        splits = (getattr(dataset, name).inputs for name in SPLITS)
        odd = [
            c for each in splits for c in each[column.name] if c not in known
        ]
        if odd:
            cells = counted(len(odd), "cell", "cells")
            yield (
                f"Column `{column.title}`: {cells} that the earlier model has "
                f"not learned count as rare, such as `{short(odd[0])}`. Train "
                "anew to have them learned."
            )


def build_table_model(
    recipe: TableRecipe, dataset: data.Dataset
) -> keras.Model:
    """Builds the model of a recipe, or loads the one it begins with.

    Its linear path is a tuned regression on the rows to learn from: logistic
    of classes and of each tag, ridge of a number. With `from_`, the earlier
    model is drawn towards that one by a quarter, a half or three quarters, no
    farther than rows it has not seen ask for.

    Args:
        recipe: `TableRecipe`.
        dataset: what `read_rows` read.

    Returns:
        A `keras.Model`; see `aet_keras.tasks.build_table_classifier`, of a
        number `aet_keras.tasks.table_model.build_table_regressor`. It is not
        compiled: `fit_table_model` trains its layer `network` alone, on rows
        that are encoded once.

    Raises:
        ExportError: if the earlier model cannot be loaded.

    Example: see `fit_table_model`.

    >>> aet_keras.training.table_job.build_table_model.__name__
    'build_table_model'
    """
    dataset = with_teacher(recipe, dataset, _teacher_rows)
    target = target_of(dataset)
    if recipe.from_ is None:
        space = tasks.table_model.fit_feature_space(
            dataset.specification.columns, dataset.train.inputs
        )
        model = target.build(recipe, dataset, space)
    else:
        model = job.load_earlier(recipe.from_)
        tasks.table_model.widen_numbers(model, dataset.train.inputs)
    network = model.get_layer(tasks.table_model.NETWORK)
    rows = table_encoding.encode_lean(model, dataset.train)
    if recipe.pretrain_epochs:
        guess_masked_cells(
            network,
            table_encoding.stack(
                [
                    rows,
                    table_encoding.encode_lean(model, dataset.validation),
                ]
            ),
            epochs=recipe.pretrain_epochs,
            batch_size=batch_size_of(recipe, dataset.train.count),
            seed=recipe.seed,
        )
    target.begin(model, rows, recipe, dataset)
    return model


def fit_table_model(
    model: keras.Model,
    recipe: TableRecipe,
    dataset: data.Dataset,
    *,
    best: parts.KeepBest | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains the network beside the linear path, and keeps it if it helps.

    Of classes and tags, the weights of the best epoch are kept where they
    lower the loss of the validation rows by more than twice its standard
    error, row for row; else the model stays what it was. Of a number, the
    network keeps the share with the least error on these rows, and the linear
    path is then solved again on them, too.

    Args:
        model: what `build_table_model` built.
        recipe: `TableRecipe`.
        dataset: what `read_rows` read.
        best: optional `aet_keras.callbacks.KeepBest`, as of `fine_tune`.
        callbacks: more callbacks; they come after ours.

    Returns:
        `Run`. Its best epoch is 0 where the start was kept.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "credit.csv"
    >>> rows = [f"{20 + i % 9},{'yn'[i % 3 == 0]}" for i in range(30)]
    >>> _ = path.write_text("\\n".join(["age,paid", *rows]))
    >>> recipe = aet_keras.recipes.TableRecipe(str(path), "paid", epochs=1)
    >>> dataset = aet_keras.training.table_job.read_rows(recipe)
    >>> model = aet_keras.training.table_job.build_table_model(recipe, dataset)
    >>> job = aet_keras.training.table_job
    >>> run = job.fit_table_model(model, recipe, dataset)
    >>> len(run.history["val_loss"])
    1
    """
    dataset = with_teacher(recipe, dataset, _teacher_rows)
    network = model.get_layer(tasks.table_model.NETWORK)
    rows = {
        name: table_encoding.encode_lean(model, getattr(dataset, name))
        for name in ("train", "validation")
    }
    target = target_of(dataset)
    objective = objective_of(dataset, recipe.class_weight)
    # Workers train a model together that is made where its variables are.
    with scope_of(model):
        learner = target.learner(network)
        _compile(learner, recipe, objective)
        if isinstance(dataset.train, TaughtSplit):
            target.teach(learner)
    weights = job.weights_of(recipe, dataset)
    wanted = {
        name: target.learned(network, targets_of(getattr(dataset, name)))
        for name in rows
    }
    pairs = {
        name: job.rows_with_weights(
            each, wanted[name], weights, getattr(dataset, name).labels
        )
        for name, each in rows.items()
    }
    fed = table_encoding.fed(
        pairs["train"],
        pairs["validation"],
        batch_size=batch_size_of(recipe, dataset.train.count),
        validation_batch_size=_JUDGED_AT_ONCE,
        seed=recipe.seed,
    )

    start = network.get_weights()
    run = fine_tune(
        learner,
        epochs=epochs_of(recipe, dataset.train.count),
        freezing=_freezing(recipe),
        rate=_rate(recipe),
        best=best or _best(recipe, dataset),
        average=False,
        callbacks=[*_anchors(recipe), *callbacks],
        verbose=0,
        **fed,
    )
    run = dataclasses.replace(run, model=model)
    trained = Trained(learner, start, rows, wanted, weights)
    return target.finish(run, trained, recipe, dataset)


def batch_size_of(recipe: TableRecipe, row_count: int) -> int:
    """Returns how many rows a step has.

    What the recipe says, 64 with `from_`, or a fiftieth of the rows: a power
    of two from 16 to 256. With larger batches few rows would be too few steps.

    Args:
        recipe: `TableRecipe`.
        row_count: int >= 1. How many there are to learn from.

    Example:

    >>> recipe = aet_keras.recipes.TableRecipe("credit.csv", "paid")
    >>> counts = 300, 3000, 300_000
    >>> find = aet_keras.training.table_job.batch_size_of
    >>> [find(recipe, count) for count in counts]
    [16, 64, 256]
    """
    if recipe.batch_size is not None or recipe.from_ is not None:
        return recipe.batch_size or _BATCH
    size = 2 ** round(math.log2(max(1, row_count / _BATCHES)))
    return min(max(size, _LEAST_BATCH), _MOST_BATCH)


def epochs_of(recipe: TableRecipe, row_count: int) -> int:
    """Returns how many epochs there are at most.

    What the recipe says, or 40: in 40 epochs a table of 12,800 rows has 2,000
    steps. Larger ones have as many, and at least 4 epochs, so that the rate
    falls before a network of many categories learns its rows by heart.

    Args:
        recipe: `TableRecipe`.
        row_count: int >= 1. How many there are to learn from.

    Example:

    >>> recipe = aet_keras.recipes.TableRecipe("credit.csv", "paid")
    >>> counts = 300, 12_800, 70_000, 1_000_000
    >>> find = aet_keras.training.table_job.epochs_of
    >>> [find(recipe, count) for count in counts]
    [40, 40, 7, 4]
    """
    if recipe.epochs is not None or recipe.from_ is not None:
        return recipe.epochs or _EPOCHS
    steps = -(-row_count // batch_size_of(recipe, row_count))
    return min(_EPOCHS, max(_LEAST_EPOCHS, round(_STEPS / steps)))


def _rate(recipe):
    """Returns the callback of the rate: a cosine, with `from_` a trend.

    The loss of a new network falls by less than its noise in the first
    epochs: a policy that waits for a trend would lower the rate too early.
    """
    new = policies.WarmupCosine()
    policy = policies.AdaptToTrend() if recipe.from_ is not None else new
    return parts.AdaptiveLearningRate(policy)


def _compile(learner, recipe, objective):
    usual = _RATE if recipe.from_ is None else _OLD_RATE
    rate = recipe.learning_rate or usual
    learner.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        loss=objective.loss,
        metrics=objective.make_metrics(),
    )


def _freezing(recipe):
    if recipe.from_ is not None:
        policy = policies.ThawOnStall(
            first_count=1, group_count=1, frozen_ratio=0.0
        )
        return parts.ElasticFreezing(policy, groups=_OLD_GROUPS, cache=None)
    # A new network has nothing to spoil; the linear path, which is solved,
    # hardly moves.
    policy = policies.ThawAll(depth_ratio=0.01)
    return parts.ElasticFreezing(policy, groups=_NEW_GROUPS, cache=None)


def _anchors(recipe):
    if recipe.from_ is None:
        return []
    return [parts.ElasticAnchor(recipe.anchor_strength, head_strength=None)]


def _best(recipe, dataset):
    epochs = epochs_of(recipe, dataset.train.count)
    # The fewer there are, the sooner the rate falls, and with it the loss.
    least = 5 if epochs == recipe.epochs else 8
    return parts.KeepBest(patience_epochs=max(least, epochs // 5))


def _teacher_rows(recipe, dataset, teacher):
    """Reads the cells of the columns that the teacher looks at."""
    check_is_published(recipe, teacher, "reads cells")
    columns = export.table_manifest.read_table_manifest(teacher.name).columns
    like = dataclasses.replace(dataset.specification, columns=columns)
    read = job.with_settings(data.read_table, recipe)
    find = rows_as_read(
        recipe, teacher, columns, lambda: read(recipe.data, like=like)
    )
    return lambda split, name: data.as_tensors(find(split).inputs)


def _introduce(dataset):
    yield from job.introduce(dataset, "rows")
    specification = dataset.specification
    kinds = [column.kind for column in specification.columns]
    counts = [f"{kinds.count(k)} of kind {k}" for k in sorted(set(kinds))]
    yield f"Columns: {', '.join(counts)}."
    if specification.target_kind == "number":
        mean, spread = dataset.train.labels.mean(), dataset.train.labels.std()
        yield (
            f"`{specification.target}` is predicted as a number: mean "
            f"{mean:.5g}, standard deviation {spread:.5g} in train."
        )
    if specification.positive:
        yield f"The risk is the probability of `{specification.positive}`."


def _write(model, recipe, dataset, directory, guarantee=None):
    specification = dataset.specification
    rows = {k: v[:_COMPARED_ROWS] for k, v in dataset.test.inputs.items()}
    export.write_table_model(
        model,
        directory,
        specification=specification,
        rows=rows,
        guarantee=guarantee,
    )
    return export.compare_table_export(
        directory, model, rows, specification=specification
    )


JOB = job.Job(
    read=read_rows,
    introduce=_introduce,
    build=build_table_model,
    fit=fit_table_model,
    measure=table_measuring.measure_table_model,
    write=_write,
    rows=job.rows_of,
    teacher_rows=_teacher_rows,
    predict=table_encoding.predict,
    best=_best,
)
