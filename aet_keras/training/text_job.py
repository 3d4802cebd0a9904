"""Defines the steps of a run on texts."""

import contextlib
import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _optional, backbones, data, export, policies, tasks
from aet_keras import callbacks as parts
from aet_keras.backbones import text_packing
from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError, ExportError
from aet_keras.recipes import shared_settings
from aet_keras.recipes.text_recipe import TextRecipe
from aet_keras.training import earlier, earlier_start, heads, job
from aet_keras.training.fine_tune import fine_tune
from aet_keras.training.measuring import measure
from aet_keras.training.teacher_rows import check_is_published
from aet_keras.training.teachers import (
    target_kind_of,
    targets_of,
    with_teacher,
)

COMPARED_TEXTS = 64
OTHER_TOKENS = 1e-3  # answers are as far apart; by rounding they are not
_TOKENS = ("token_ids", "padding_mask")
_OF_TABLES = (
    "text_column",
    "label_column",
    "label_columns",
    "target_kind",
    "missing",
)
_COVERED = 95  # percent of the texts that are read to their end
_LONGEST = 256
_ADAPTERS_RATIO = 0.5
_STEP = 8  # lengths are rounded up to a multiple of it


def text_thaw_policy() -> policies.ThawAll:
    """Returns when groups thaw, unless the recipe names a policy.

    The upper three quarters or so of a transformer at a tenth of the head's
    rate, from the first step on: with averages of the weights the head needs
    no start alone. The lowest blocks and the embeddings, which most weights
    are in, stay: with all of it moving, an epoch takes twice as long, and what
    it validates at is the same (MiniLM, film reviews).

    Example:

    >>> aet_keras.training.text_job.text_thaw_policy().frozen_ratio
    0.4
    """
    return policies.ThawAll(rate_ratio=0.1, frozen_ratio=0.4)


def text_rate_policy() -> policies.WarmupCosine:
    """Returns how the rate goes, unless the recipe names a policy.

    Down to zero over the run, so that it ends settled (MiniLM, film reviews).

    Example:

    >>> aet_keras.training.text_job.text_rate_policy().warmup_steps
    10
    """
    return policies.WarmupCosine(warmup_steps=10)


def read_tokens(recipe: TextRecipe) -> data.Dataset:
    """Reads the texts of a recipe, and cuts them into tokens, once.

    Args:
        recipe: `TextRecipe`.

    Returns:
        `aet_keras.data.Dataset`; each split's inputs are `texts`, `token_ids`
        and `padding_mask`. Its notes say how many texts are cut off.

    Raises:
        DataError: if the texts cannot be learned from.
        ValueError: if an earlier model (`from_`) has to say their length:
            `run_recipe` asks it.
        ImportError: if KerasHub or TensorFlow Text is missing.
        WeightsError: if the tokeniser cannot be had.

    Example:

    >>> recipe = aet_keras.recipes.TextRecipe("nowhere.csv")
    >>> try:
    ...     aet_keras.training.text_job.read_tokens(recipe)
    ... except aet_keras.errors.DataError as error:
    ...     "which is not there" in str(error)
    True
    """
    earlier.check_settled(recipe)
    if not data.table_file.is_csv(recipe.data):
        why = "texts in folders and of TFDS have one class, and no columns"
        shared_settings.check_of_use(
            recipe, *_OF_TABLES, why=why, error=DataError
        )
    dataset = job.with_settings(data.read_texts, recipe)(recipe.data)
    packing = _packing(recipe)
    splits = [getattr(dataset, name) for name in SPLITS]
    texts = np.concatenate([split.inputs for split in splits])
    counts = packing.count(texts)
    length = length_of(recipe, packing, counts[: dataset.train.count])
    columns = {"texts": texts, **packing.resized(length).pack(texts)}
    made, start = {}, 0
    for name, split in zip(SPLITS, splits, strict=True):
        rows = slice(start, start := start + split.count)
        inputs = {key: column[rows] for key, column in columns.items()}
        made[name] = dataclasses.replace(split, inputs=inputs)
    notes = (*dataset.notes, *_notes(length, counts))
    dataset = dataclasses.replace(dataset, **made, notes=notes)
    return job.with_note(recipe, dataset)


def load_layers() -> None:
    """Registers the layers of text backbones with Keras.

    Raises:
        ImportError: if KerasHub is missing.

    Example: see `tokens_of`.

    >>> aet_keras.training.text_job.load_layers()
    """
    _optional.optional("keras_hub", extra=backbones.text_encoder.EXTRA)


def tokens_of(
    recipe: TextRecipe,
    model: keras.Model,
    texts: Sequence[str],
    *,
    version: str | os.PathLike,
) -> dict[str, np.ndarray]:
    """Cuts texts into tokens as a published model takes them.

    Args:
        recipe: `TextRecipe` of the version.
        model: its `keras.Model`.
        texts: sequence of str.
        version: path of the version.

    Returns:
        dict of `token_ids` and `padding_mask`, int32 `(texts, tokens)`.

    Raises:
        ExportError: if the tokeniser is another one by now.
        WeightsError: if it cannot be had.

    Example:

    >>> recipe = aet_keras.recipes.TextRecipe("a.csv", backbone="b.keras")
    >>> tokens = {"token_ids": keras.Input((12,), name="token_ids")}
    >>> try:
    ...     aet_keras.training.text_job.tokens_of(
    ...         recipe, keras.Model(tokens, tokens), ["a text"], version="1"
    ...     )
    ... except ValueError as error:
    ...     "Give `vocabulary`" in str(error)
    True
    """
    check_tokeniser(recipe, model, texts, version=version)
    return _packing_of(recipe, model).pack(texts)


def check_tokeniser(
    recipe: TextRecipe,
    model: keras.Model,
    texts: Sequence[str],
    *,
    version: str | os.PathLike,
) -> None:
    """Raises unless a published model gets the tokens that it has learned.

    Its tokeniser is read from where its backbone was, and may be another one
    by now; that in its SavedModel is not.

    Args:
        recipe, model, texts, version: as of `tokens_of`.

    Raises:
        ExportError: if it answers texts otherwise than its SavedModel.
        WeightsError: if the tokeniser cannot be had.
    """
    packing = _packing_of(recipe, model)
    with proving_tokeniser(recipe, recipe.backbone, version):
        export.compare_text_export(
            version,
            model,
            texts[:COMPARED_TEXTS],
            packing=packing,
            target_kind=target_kind_of(pathlib.Path(version)) or "classes",
            tolerance=OTHER_TOKENS,
        )


@contextlib.contextmanager
def proving_tokeniser(
    recipe: Any, backbone: str | None, version: str | os.PathLike
) -> Iterator[None]:
    """Says that a tokeniser is another one, if a comparison inside fails.

    Args:
        recipe: of texts or items, of the version.
        backbone: optional str. Where the tokeniser is, unless the recipe has
            a `vocabulary`.
        version: path of the version.
    """
    try:
        yield
    except ExportError as error:
        where = recipe.vocabulary or backbone
        raise ExportError(
            f"{recipe.owner}: the tokeniser in {where} must be that which "
            f"{version} has learned with, because others give the same words "
            "other numbers. Received: one by which texts are not answered as "
            "its SavedModel answers them. Bring it back, or train anew."
        ) from error


def _packing_of(recipe, model):
    length = model.input["token_ids"].shape[1]
    return _packing(recipe, sequence_length=length)


def _packing(recipe, **settings):
    return text_packing.kept_text_packing(
        recipe.backbone, vocabulary=recipe.vocabulary, **settings
    )


def length_of(recipe, packing, counts):
    """Returns how many tokens of each text are read."""
    if recipe.sequence_length is None:
        usual = int(np.ceil(np.percentile(counts, _COVERED)))
        return min(-usual // _STEP * -_STEP, _LONGEST, packing.most)
    if recipe.sequence_length > packing.most:
        raise ValueError(
            f"{recipe.owner}: `sequence_length` must be at most "
            f"{packing.most}, because the backbone has no more positions. "
            "Received: "
            f"sequence_length={recipe.sequence_length}."
        )
    return recipe.sequence_length


def _notes(length, counts):
    longer = int((counts > length).sum())
    if longer:
        yield (
            f"{longer} of {len(counts)} texts have more than the {length} "
            f"tokens that are read (the longest {counts.max()}): their ends "
            "are cut off."
        )


def _introduce(dataset):
    yield from job.introduce(dataset, "texts")
    length = dataset.train.inputs["token_ids"].shape[1]
    yield f"{length} tokens of each text are read."


def _build(recipe, dataset):
    if recipe.from_ is not None:
        known = earlier.Earlier.of(recipe)
        texts = dataset.train.inputs["texts"]
        check_tokeniser(recipe, known.model, texts, version=known.version)
        return heads.compiled(earlier.build(recipe, dataset), recipe, dataset)
    encoder = backbones.load_text_encoder(recipe.backbone)
    head = heads.head_of(dataset)
    model = job.with_settings(tasks.build_text_classifier, recipe)(
        encoder,
        class_count=head.units(dataset),
        activation=head.activation,
        sequence_length=dataset.train.inputs["token_ids"].shape[1],
    )
    return heads.compiled(model, recipe, dataset)


def _tokens(split):
    return {name: split.inputs[name] for name in _TOKENS}


def _fit(model, recipe, dataset, *, best=None, callbacks=()):
    dataset = with_teacher(recipe, dataset, _teacher_rows)
    fit = functools.partial(
        _fit_rows, recipe=recipe, best=best, callbacks=callbacks
    )
    begun = earlier_start.draw_head(model, recipe, dataset, _predict)
    run = heads.learn(model, recipe, dataset, fit)
    return dataclasses.replace(run, cache_events=[*begun, *run.cache_events])


def _fit_rows(model, dataset, *, recipe, best, callbacks):
    train, validation = dataset.train, dataset.validation
    rate = job.policy_of(recipe.rate, text_rate_policy())
    average: parts.AverageWeights | bool = False
    if recipe.average_power is not None:
        average = parts.AverageWeights(recipe.average_power)
    weights = job.weights_of(recipe, dataset)
    return fine_tune(
        model,
        job.rows_with_weights(
            _tokens(train), targets_of(train), weights, train.labels
        ),
        validation_data=job.rows_with_weights(
            _tokens(validation), validation.labels, weights
        ),
        epochs=recipe.epochs,
        freezing=parts.ElasticFreezing(
            job.policy_of(recipe.thaw, _thaw_policy(recipe))
        ),
        rate=parts.AdaptiveLearningRate(rate),
        best=best,
        average=average,
        callbacks=[*job.anchors_of(recipe), *callbacks],
        batch_size=recipe.batch_size,
        validation_batch_size=128,
        verbose=0,
    )


def _thaw_policy(recipe):
    usual = text_thaw_policy()
    if recipe.lora is None:
        return usual
    # B begins as 0: what moves it first is small.
    return policies.ThawAll(
        rate_ratio=_ADAPTERS_RATIO, frozen_ratio=usual.frozen_ratio
    )


def _predict(model, split):
    return model.predict(_tokens(split), batch_size=128, verbose=0)


def _measure(run, name, dataset):
    texts = dataset.test.inputs["texts"]
    return measure(
        run,
        name,
        dataset,
        predict=_predict,
        content=lambda row: " ".join(texts[row].split()),
    )


def _write(model, recipe, dataset, directory, guarantee=None):
    length = dataset.train.inputs["token_ids"].shape[1]
    packing = _packing(recipe, sequence_length=length)
    texts = dataset.test.inputs["texts"][:COMPARED_TEXTS]
    export.write_text_model(
        model,
        directory,
        packing=packing,
        texts=texts,
        guarantee=guarantee,
        **heads.said_of(dataset),
    )
    kind = dataset.specification.target_kind
    return export.compare_text_export(
        directory, model, texts, packing=packing, target_kind=kind
    )


def _teacher_rows(recipe, dataset, teacher):
    """Cuts the texts into tokens as the teacher does."""
    del dataset
    check_is_published(recipe, teacher, "cuts texts into tokens")
    return lambda split, name: tokens_of(
        teacher.recipe,
        teacher.model,
        split.inputs["texts"],
        version=teacher.name,
    )


JOB = job.Job(
    read=read_tokens,
    introduce=_introduce,
    build=_build,
    fit=_fit,
    measure=_measure,
    write=_write,
    rows=lambda split: (_tokens(split), split.labels),
    teacher_rows=_teacher_rows,
    predict=_predict,
)
