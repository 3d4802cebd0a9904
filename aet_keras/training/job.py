"""Defines the steps of a run, and what the four kinds of data share."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import keras
import numpy as np

from aet_keras import (
    _regular_file,
    callbacks,
    data,
    evaluation,
    export,
    policies,
)
from aet_keras._wording import listed
from aet_keras.backbones.low_rank import adapt_by_rank
from aet_keras.data.class_balance import IMBALANCE_ADVICE
from aet_keras.drift.reference import Reference
from aet_keras.errors import DataError, ExportError
from aet_keras.export.table_model import called_from
from aet_keras.publishing.manifest import check_file
from aet_keras.publishing.publication import find_version
from aet_keras.recipes import TableRecipe, TextRecipe
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.image_recipe import ImageRecipe
from aet_keras.training.class_order import in_order
from aet_keras.training.fine_tune import Run, stop_early
from aet_keras.training.objectives import objective_of, rule_of
from aet_keras.training.teach import compile_taught


def _usual_best(recipe: Any, _: data.Dataset) -> callbacks.KeepBest:
    return stop_early(recipe.epochs)


@dataclasses.dataclass(frozen=True)
class Job:
    """Holds the steps that `run_recipe` takes for recipes of one kind.

    Each is a function; together they are all that differs between images,
    texts, tables and ratings.

    Args:
        read: of the recipe; returns a `data.Dataset`.
        introduce: of the data set; yields the sentences to say of it.
        build: of recipe and data set; returns a `keras.Model`, compiled if
            it is what `fit` trains.
        fit: of model, recipe and data set, and the keywords `best` and
            `callbacks`; returns a `Run`.
        measure: of the run, its name and the data set; returns an
            `evaluation.Report`.
        write: of model, recipe, data set and a directory, and the keyword
            `guarantee`, a `Guarantee` or None; writes a SavedModel
            there, loads it again and returns a `Comparison` with the model.
        best: of recipe and data set; returns the `callbacks.KeepBest` of
            the run.
        rows: of a split; returns `(inputs, labels)` as the model takes them.
            None for ratings.
        teacher_rows: as `teachers.with_teacher` takes it; None where no
            teacher can be named.
        predict: of model and split; returns what the model says of its rows.
            None for ratings.
        measure_reference: of model and data set; returns its `Reference`, of
            a model that does not end in one dense layer.
    """

    read: Callable[[Any], data.Dataset]
    introduce: Callable[[data.Dataset], Iterable[str]]
    build: Callable[[Any, data.Dataset], keras.Model]
    fit: Callable[..., Run]
    measure: Callable[[Run, str, data.Dataset], evaluation.Report]
    write: Callable[..., export.comparison.Comparison]
    best: Callable[[Any, data.Dataset], callbacks.KeepBest] = _usual_best
    rows: Callable[[data.Split], tuple[Any, np.ndarray]] | None = None
    teacher_rows: Callable[..., Any] | None = None
    predict: Callable[[keras.Model, data.Split], np.ndarray] | None = None
    measure_reference: Callable[..., Reference] | None = None

    def finish(self, run: Run, dataset: data.Dataset) -> tuple[Run, Any]:
        """Chooses the thresholds of tags by validation rows.

        Returns:
            The run, with what the model says of the validation rows, and the
            data set, with the thresholds in its specification. Both as they
            were where there are no tags.
        """
        specification = dataset.specification
        if self.predict is None or specification.target_kind != "tags":
            return run, dataset
        held = dataset.validation
        outputs = self.predict(run.model, held)
        found = objective_of(dataset).choose_thresholds(held.labels, outputs)
        earlier = specification.thresholds
        if earlier:  # of a tag that no row has nothing is decided
            has: Any = held.labels.any(axis=0)
            pairs = zip(has, found, earlier, strict=True)
            found = tuple(new if any_ else old for any_, new, old in pairs)
        chosen = dataclasses.replace(specification, thresholds=found)
        run = dataclasses.replace(run, validation_outputs=outputs)
        return run, dataclasses.replace(dataset, specification=chosen)

    def reference_of(
        self, model: keras.Model, dataset: data.Dataset
    ) -> Reference | None:
        """Measures what new rows are compared with; None of ratings."""
        if self.measure_reference is not None:
            return self.measure_reference(model, dataset)
        kind = dataset.specification.target_kind
        if self.rows is None:
            return None
        # What a table adds to a number has learned the validation rows, too.
        held = dataset.test if kind == "number" else dataset.validation
        return Reference.measure(
            model,
            self.rows(dataset.train),
            self.rows(held),
            class_names=dataset.specification.class_names,
            target_kind=kind,
            rule=rule_of(dataset.specification),
        )


def rows_of(split: data.Split) -> tuple[Any, np.ndarray]:
    """Returns inputs and labels of a split, as a model takes them."""
    return split.inputs, split.labels


def introduce(dataset: data.Dataset, rows: str) -> Iterable[str]:
    """Yields the sizes of the splits, and the notes of the reader.

    Args:
        dataset: `data.Dataset`.
        rows: str. What its rows are called: `"images"`.
    """
    splits = (dataset.train, dataset.validation, dataset.test)
    counts = " / ".join(str(split.count) for split in splits)
    classes = len(dataset.specification.class_names)
    ending = f", {classes} classes" if classes else ""
    yield f"{counts} {rows} to train / validate / test{ending}."
    yield from dataset.notes


_MOST_NAMED = 4
_Made = TypeVar("_Made")


def with_settings(
    function: Callable[..., _Made], recipe: BaseRecipe
) -> Callable[..., _Made]:
    """Returns a function that takes its arguments from a recipe, by name.

    A setting that is `None` is left to the function's own default; what the
    call names wins over the recipe.

    Args:
        function: takes settings of the recipe, under the names they have.
        recipe: any recipe.
    """
    names = inspect.signature(function).parameters.keys() & recipe.settings
    given = {name: getattr(recipe, name) for name in names}
    given = {name: each for name, each in given.items() if each is not None}
    return functools.partial(function, **given)


def compile_classifier(model: keras.Model, recipe: Any) -> None:
    """Compiles a classifier for Adam and labels, or a teacher beside them.

    With `lora`, adapters are added before.
    """
    if recipe.lora is not None:
        adapt_by_rank(model, recipe.lora, owner=recipe.owner)
    model.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        # By its name, Keras makes it inside the first step: traced twice.
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    if recipe.teacher is not None:
        compile_taught(model)


def policy_of(written: dict[str, Any] | None, usual: Any = None) -> Any:
    """Returns the policy that a recipe names, or the usual one."""
    if written is None:
        return usual
    return policies.description.read_policy(written)


def rate_of(recipe: Any) -> callbacks.AdaptiveLearningRate | None:
    """Returns the callback of the rate that a recipe names, if any."""
    if recipe.rate is None:
        return None
    return callbacks.AdaptiveLearningRate(policy_of(recipe.rate))


def anchors_of(recipe: Any) -> list[Any]:
    """Returns the callback that holds the backbone, if one is asked for."""
    if recipe.anchor_strength is None:
        return []
    return [callbacks.ElasticAnchor(recipe.anchor_strength)]


def weights_of(
    recipe: ImageRecipe | TextRecipe | TableRecipe, dataset: data.Dataset
) -> np.ndarray | None:
    """Returns the weight of each class, or None where rows count the same.

    Validation rows get them, too: else the epoch is kept that does best on
    the largest class.
    """
    kind = dataset.specification.target_kind
    if recipe.class_weight == "adjusted" and kind == "tags":
        raise DataError(
            f"{recipe.owner}: `class_weight` must be balanced for tags, "
            "because each has a threshold of its own. Received: 'adjusted'."
        )
    if recipe.class_weight is None or kind == "tags":
        return None  # tags are weighed in the loss: `objective_of`
    if kind != "classes":
        raise DataError(
            f"{recipe.owner}: `class_weight` must go with classes, because a "
            f"number has none. Received: class_weight={recipe.class_weight!r}, "
            "where the target is a number. Leave it out, or say "
            "`--target-kind classes`."
        )
    if recipe.class_weight == "adjusted":
        return None  # the bias is, in the end: `with_adjusted_head`
    return data.class_balance.compute_class_weights(
        dataset.train.labels, len(dataset.specification.class_names)
    )


def rows_with_weights(
    inputs,
    labels: np.ndarray,
    weights: np.ndarray | None,
    classes: np.ndarray | None = None,
) -> tuple:
    """Returns what `fit` takes: a pair, or a triple with sample weights.

    Args:
        inputs: of the rows.
        labels: array, as the model learns them.
        weights: optional float array `(classes,)`.
        classes: optional int array `(count,)`. Defaults to `labels`.
    """
    if weights is None:
        return inputs, labels
    return inputs, labels, weights[labels if classes is None else classes]


_WEIGHTED = (
    "`class_weight` is balanced: of each tag, rows that have it count as much "
    "as all that have it not. Losses are weighted so, and probabilities are "
    "those of tags that half of the rows have."
)


_ADJUSTED = (
    "`class_weight` is adjusted: the rows are learned as they are, then the "
    "log of each class's share is taken off its logit. Probabilities are those "
    "of classes of one size; times the shares, and summing to 1, they are "
    "those of these rows again."
)


def with_note(
    recipe: ImageRecipe | TextRecipe | TableRecipe, dataset: data.Dataset
) -> data.Dataset:
    """Puts classes in order if they have one, and notes their weights."""
    dataset = in_order(recipe, dataset)
    weights = weights_of(recipe, dataset)
    of_costs = [] if recipe.class_weight is None else _note_costs(dataset)
    if weights is None and recipe.class_weight == "adjusted":
        notes = [each.removesuffix(IMBALANCE_ADVICE) for each in dataset.notes]
        notes += [_ADJUSTED, *of_costs]
        return dataclasses.replace(dataset, notes=tuple(notes))
    if weights is None and recipe.class_weight is not None:
        return dataclasses.replace(dataset, notes=(*dataset.notes, _WEIGHTED))
    if weights is None:
        return dataset
    names = dataset.specification.class_names
    order = np.argsort(-weights, kind="stable")
    named = listed(
        (f"{weights[c]:.3g} of `{names[c]}`" for c in order), _MOST_NAMED
    )
    note = (
        "`class_weight` is balanced: each class counts the same, a row with "
        f"the weight {named}. Losses are those of weighted rows, and "
        "probabilities are those of classes of one size: higher for rare "
        "classes than they are in these rows."
    )
    notes = [each.removesuffix(IMBALANCE_ADVICE) for each in dataset.notes]
    return dataclasses.replace(dataset, notes=(*notes, note, *of_costs))


def _note_costs(dataset):
    """Notes from which risk on a call costs least where classes differ.

    Among classes of one size the odds of the positive class are higher, by
    how many times the other one has more rows.
    """
    called = called_from(dataset.specification)
    if called is None or len(np.unique(dataset.train.labels)) < 2:
        return []
    positive, least = called
    share = float(np.mean(dataset.train.labels == positive))
    odds = least / (1 - least) * (1 - share) / share
    return [
        "The costs are weighed among classes of one size, too: rows are called "
        f"`{dataset.specification.class_names[positive]}` from a risk of "
        f"{least:.3f} on. Among rows as these are, {odds / (1 + odds):.3f} "
        "would cost least: leave `class_weight` out to have it so."
    ]


def load_earlier(folder: str) -> keras.Model:
    """Loads the model of the newest version, not compiled.

    Raises:
        ExportError: if there is none that this package published, or it is
            another file by now.
    """
    path = find_version(folder) / "model.keras"
    if not _regular_file.why_not(path):
        check_file(path.parent, path.name)
    try:
        return _regular_file.load_model(path)
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{path}: the earlier model must be one that this package "
            f"published. Received: {error}. Train it anew."
        ) from error
