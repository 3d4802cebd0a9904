"""Defines the steps of a run on items: an image, a text and columns."""

import dataclasses
import functools
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras import _cluster, backbones, data, policies, tasks
from aet_keras import callbacks as parts
from aet_keras.data import item_table
from aet_keras.data.item_table import (
    WORDS,
    normal_words,
)
from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError
from aet_keras.evaluation.parts import measure_parts
from aet_keras.export.item_model import read_item_manifest, write_item_model
from aet_keras.export.table_manifest import read_categories
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.recipes.shared_settings import check_of_use, check_workers
from aet_keras.tasks import item_model
from aet_keras.training import heads, item_earlier, job, table_job, text_job
from aet_keras.training.fine_tune import Run, fine_tune, stop_early
from aet_keras.training.item_outputs import (
    encode,
    item_reference,
    predict,
    rows_of,
)
from aet_keras.training.item_start import (
    THERE,
    Measurer,
    drawn,
    ended,
    head_of,
    solve,
)
from aet_keras.training.item_tokens import check_tokeniser, packing_of
from aet_keras.training.measuring import measure
from aet_keras.training.objectives import objective_of
from aet_keras.training.teach import compile_taught
from aet_keras.training.teacher_rows import check_is_published, rows_as_read
from aet_keras.training.teachers import targets_of, with_teacher

_COMPARED = 32
_MOST_COUNTS = 1e8  # numbers that counted words take in memory


def read_items(recipe: ItemRecipe) -> data.Dataset:
    """Reads the items of a recipe.

    Args:
        recipe: `ItemRecipe`.

    Returns:
        `aet_keras.data.Dataset`; with a `text_backbone` its inputs hold the
        tokens of the texts as well.

    Raises:
        DataError: if the items cannot be learned from.
        WeightsError: if the tokeniser cannot be had.

    Example:

    >>> from aet_keras.recipes.item_recipe import ItemRecipe
    >>> from aet_keras.training import item_job
    >>> try:
    ...     item_job.read_items(ItemRecipe("nowhere.csv", target="kind"))
    ... except aet_keras.errors.DataError as error:
    ...     "which is not there" in str(error)
    True
    """
    check_workers(recipe, _cluster.here().count)
    if recipe.text_backbone is None:
        names = "vocabulary", "sequence_length"
        why = "words are counted, and only an encoder of texts has tokens"
        check_of_use(recipe, *names, why=why, error=DataError)
    if recipe.from_ is None:
        return _read(recipe)
    like = read_item_manifest(recipe.from_)
    dataset = _read(recipe, like)
    learned = read_categories(recipe.from_)
    notes = *dataset.notes, *table_job.notes_of_new(dataset, learned)
    return dataclasses.replace(dataset, notes=notes)


def _read(recipe, like=None):
    read = job.with_settings(item_table.read_items, recipe)
    size = (recipe.image_size,) * 2
    dataset = read(recipe.data, image_size=size, like=like)
    if recipe.text_backbone is None:
        return dataset
    packing = packing_of(recipe)
    texts = {n: getattr(dataset, n).inputs[WORDS] for n in SPLITS}
    length = text_job.length_of(recipe, packing, packing.count(texts["train"]))
    packing = packing.resized(length)
    packed = {
        name: dataclasses.replace(
            getattr(dataset, name),
            inputs={
                **getattr(dataset, name).inputs,
                **packing.pack(texts[name]),
            },
        )
        for name in SPLITS
    }
    return dataclasses.replace(dataset, **packed)


def _teacher_rows(recipe, dataset, teacher):
    """Reads items as the teacher does: its size, its tokens, its columns."""
    check_is_published(recipe, teacher, "reads items")
    columns = read_item_manifest(teacher.name).columns
    like = dataclasses.replace(dataset.specification, columns=columns)
    own = item_earlier.sized_as(recipe, teacher.recipe, teacher.model)
    texts = dataset.train.inputs[WORDS]
    check_tokeniser(own, teacher.model, texts, version=teacher.name)
    find = rows_as_read(recipe, teacher, columns, lambda: _read(own, like=like))
    return lambda split, name: rows_of(find(split))


def build(recipe: ItemRecipe, dataset: data.Dataset) -> keras.Model:
    """Builds the model of a recipe, or loads the one it begins with.

    Returns:
        A `keras.Model` of raw cells; `fit` trains its layer `network`.
    """
    if recipe.from_ is not None:
        model = item_earlier.load(recipe.from_, recipe.text_backbone)
        texts = dataset.train.inputs[WORDS]
        check_tokeniser(recipe, model, texts, version=recipe.from_)
        tasks.table_model.widen_numbers(model, dataset.train.inputs)
        return model
    specification, head = dataset.specification, heads.head_of(dataset)
    texts = [
        each.decode()
        for each in normal_words(dataset.train.inputs[WORDS].tolist()).numpy()
    ]
    words = text = None
    if recipe.text_backbone is None:
        most = int(np.clip(_MOST_COUNTS / max(1, len(texts)), 200, 4000))
        words = item_model.Words.fitted(texts, most=most)
        text = 1 + len(words.vocabulary)
    else:
        text = backbones.load_text_encoder(recipe.text_backbone)
    space, width = None, 0
    if specification.columns:
        space = tasks.table_model.fit_feature_space(
            specification.columns, dataset.train.inputs
        )
        width = int(space.get_encoded_features().shape[-1])
    size = (recipe.image_size,) * 2
    network = item_model.build_item_network(
        class_count=head.units(dataset),
        activation=head.activation,
        image_backbone=backbones.load_backbone(
            recipe.backbone, weights=recipe.weights, image_size=size
        ),
        preprocessing=recipe.backbone,
        image_size=size,
        text=text,
        sequence_length=(
            dataset.train.inputs["token_ids"].shape[1]
            if recipe.text_backbone
            else 0
        ),
        table_width=width,
        dropout=recipe.dropout,
    )
    model = item_model.build_item_model(network, words=words, features=space)
    _set_levels(network, encode(model, dataset.train))
    if specification.target_kind == "number":
        unit = tasks.number_unit.Unit.fitted(dataset.train.labels)
        model = keras.Model(
            model.input, unit.apply(model.output), name=model.name
        )
    return model


def _set_levels(network, rows):
    for part, pool in (("image", "image_pool"), ("text", "text_pool")):
        if pool not in {layer.name for layer in network.layers}:
            continue
        inner = keras.Model(network.input, network.get_layer(pool).output)
        inner.compile(jit_compile=False)
        there = rows[f"has_{part}"][:, 0] > 0
        if there.any():
            some = {name: each[there] for name, each in rows.items()}
            found = inner.predict(some, batch_size=128, verbose=0)
            item_model.set_level(network, part, np.asarray(found, "float32"))


def fit(
    model: keras.Model,
    recipe: ItemRecipe,
    dataset: data.Dataset,
    *,
    best: parts.KeepBest | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains the backbones of a model, and solves what it says of them.

    The head is solved on frozen features; then groups of all backbones thaw
    as the policy says, with the scores of words and columns held, and the
    head is solved again on what the backbones have become. The better one of
    the two is kept, by the validation rows. With `from_`, the head that there
    is is drawn towards each of them, as far as the validation rows ask for.
    """
    dataset = with_teacher(recipe, dataset, _teacher_rows)
    network = model.get_layer(item_model.NETWORK)
    objective = objective_of(dataset)
    kind = dataset.specification.target_kind
    head = heads.head_of(dataset)
    rows = {n: encode(model, getattr(dataset, n)) for n in SPLITS[:2]}
    labels = {
        name: head.learned(model, targets_of(getattr(dataset, name)))
        for name in rows
    }
    settle = functools.partial(
        _settle,
        network,
        Measurer(network),
        rows,
        labels,
        kind=kind,
        losses=objective.losses,
        is_drawn=recipe.from_ is not None,
    )
    start = settle()
    begun = network.get_weights()
    for name in ("table_scores", "there_scores"):
        _hold(network, name)
    if recipe.text_backbone is None:
        _hold(network, "text_scores")
    # A model of the same layers: the network is saved without an optimizer.
    learner = keras.Model(network.input, network.output, name="learner")
    learner.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss=objective.loss,
        metrics=objective.make_metrics(),
    )
    if kind == "classes" and recipe.teacher is not None:
        compile_taught(learner)
    run = fine_tune(
        learner,
        (rows["train"], labels["train"]),
        validation_data=(rows["validation"], labels["validation"]),
        epochs=recipe.epochs,
        freezing=parts.ElasticFreezing(
            job.policy_of(recipe.thaw, policies.ThawTopThenAll(head_epochs=1)),
            solve_head=False,
        ),
        rate=job.rate_of(recipe),
        best=best,
        callbacks=[*job.anchors_of(recipe), *callbacks],
        batch_size=recipe.batch_size,
        validation_batch_size=128,
        verbose=0,
    )
    for layer in network.layers:
        if layer.name.endswith("_scores"):
            layer.trainable = True
    tuned = settle()
    is_better = tuned.loss < start.loss
    if not is_better:
        network.set_weights(begun)
    said = "the head is solved anew" if is_better else "the start is kept"
    said += f": validation loss {start.loss:.4f} with frozen backbones, "
    said += f"{tuned.loss:.4f} with those that were trained"
    last = len(run.trained_groups)
    return dataclasses.replace(
        run,
        model=model,
        best_epoch=run.best_epoch if is_better else 0,
        cache_events=[*run.cache_events, (last, said)],
    )


def _hold(network, name):
    if any(layer.name == name for layer in network.layers):
        network.get_layer(name).trainable = False


def _settle(network, measurer, rows, labels, *, kind, losses, is_drawn):
    """Solves the head of a network on its features of now."""
    found = {name: (measurer(rows[name]), labels[name]) for name in rows}
    solved = solve(
        found["train"],
        found["validation"],
        kind=kind,
        units=network.output.shape[-1],
        losses=losses,
    )
    if is_drawn:
        now = head_of(network, kind)
        solved = drawn(now, solved, found["validation"], losses)
    solved.write(network)
    return solved


def _measure(run, name, dataset):
    test = dataset.test.inputs

    def content(row):
        return " ".join(test[WORDS][row].split())

    report = measure(run, name, dataset, predict=predict, content=content)
    return dataclasses.replace(report, parts=_parts(run.model, dataset))


def _parts(model, dataset):
    """Measures each part alone, and what the model loses without it."""
    network = model.get_layer(item_model.NETWORK)
    kind = dataset.specification.target_kind
    losses = objective_of(dataset).losses
    head = heads.head_of(dataset)
    found, measurer = {}, Measurer(network)
    for name in SPLITS:
        split = getattr(dataset, name)
        features = measurer(encode(model, split))
        # Each part alone learns what the whole has learned, of a teacher, too.
        found[name] = features, head.learned(model, targets_of(split))
    features, labels = found["test"]
    names = item_model.parts_of(network)
    alone = {
        each: solve(
            found["train"],
            found["validation"],
            kind=kind,
            units=network.output.shape[-1],
            losses=losses,
            names=[each],
        ).outputs(features)
        for each in names
    }
    scores = {
        each: features[each] @ item_model.scores_of(network, each).kernel
        for each in names
    }
    there = item_model.scores_of(network, THERE)
    scores[THERE] = features[THERE] @ there.kernel + there.bias
    return measure_parts(
        {name: np.asarray(each) for name, each in scores.items()},
        alone,
        labels,
        ended=functools.partial(ended, kind=kind),
        losses=losses,
        is_classes=kind == "classes",
    )


def _introduce(dataset):
    yield from job.introduce(dataset, "items")
    specification = dataset.specification
    columns = ", ".join(f"`{each.title}`" for each in specification.columns)
    yield (
        f"Parts: the image in `{specification.image_column}`, the text in "
        f"`{specification.text_column}`, and "
        f"{f'the columns {columns}' if columns else 'no other columns'}."
    )


def _write(model, recipe, dataset, directory, guarantee=None):
    packing = None
    if recipe.text_backbone is not None:
        length = dataset.train.inputs["token_ids"].shape[1]
        packing = packing_of(recipe, sequence_length=length)
    rows = {k: v[:_COMPARED] for k, v in dataset.test.inputs.items()}
    return write_item_model(
        model,
        directory,
        specification=dataset.specification,
        rows=rows,
        packing=packing,
        guarantee=guarantee,
    )


JOB = job.Job(
    read=read_items,
    introduce=_introduce,
    build=build,
    fit=fit,
    measure=_measure,
    write=_write,
    best=lambda recipe, dataset: stop_early(recipe.epochs, is_averaged=True),
    rows=job.rows_of,
    teacher_rows=_teacher_rows,
    predict=predict,
    measure_reference=item_reference,
)
