"""Finds the teacher that a recipe names, and asks it about the rows."""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import _regular_file, data
from aet_keras._optional import optional
from aet_keras._wording import quoted
from aet_keras.backbones import text_encoder
from aet_keras.data import unlabelled_images
from aet_keras.errors import ExportError
from aet_keras.publishing.data_kind import written_kind
from aet_keras.publishing.manifest import FILE, check_file, read_content
from aet_keras.publishing.publication import find_version
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.taught_targets import TAUGHT, as_weighed
from aet_keras.training.teacher_outputs import image_size_of

_BATCH = 128
_WEIGHT = "class_weight"
_LABELS = "assets/labels.txt"
_LEAST_TOLD = 30  # rows; of fewer, a good teacher may be wrong about half
# What decides which rows are test rows; a recipe may lack some.
_SPLITTING = (
    "data",
    "label_column",
    "label_columns",
    "missing",
    "seed",
    "skip_bad",
    "split_column",
    "target",
    "test_ratio",
    "text_column",
    "validation_ratio",
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TaughtSplit(data.Split):
    """Holds rows with what a teacher thinks of them.

    Args:
        inputs: as of `data.Split`.
        labels: as of `data.Split`.
        names: as of `data.Split`.
        targets: float array `(count, ...)`, what `TAUGHT` makes of labels and
            answers; those of `more` after them.
        more: optional array of inputs without labels.

    Example: see `with_teacher`.

    >>> aet_keras.training.teachers.TaughtSplit.__base__.__name__
    'Split'
    """

    targets: np.ndarray = dataclasses.field(kw_only=True)
    more: np.ndarray | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class Teacher:
    """Holds a model that teaches, and what is known of it.

    Args:
        name: str. The path, as a person reads it.
        model: `keras.Model`.
        recipe: optional recipe of its version.
        class_names: optional tuple of str. Of its outputs, classes or tags,
            in their order.

    Example: see `with_teacher`.

    >>> aet_keras.training.teachers.Teacher("a.keras", None).class_names is None
    True
    """

    name: str
    model: keras.Model
    recipe: BaseRecipe | None = None
    class_names: tuple[str, ...] | None = None


Rows = Callable[[data.Split, str], Any]


def targets_of(split: data.Split) -> np.ndarray:
    """Returns what a model learns of a split: the teacher's part, if any.

    Example:

    >>> split = aet_keras.data.Split(np.zeros((1, 2)), np.array([3]), ("a",))
    >>> aet_keras.training.teachers.targets_of(split)
    array([3])
    """
    return split.targets if isinstance(split, TaughtSplit) else split.labels


def with_teacher(
    recipe: BaseRecipe,
    dataset: data.Dataset,
    rows: Callable[[Any, data.Dataset, Teacher], Rows] | None,
) -> data.Dataset:
    """Returns a data set whose training rows have a teacher's answers.

    Args:
        recipe: without a `teacher`, or with a data set that it has taught
            already, nothing changes.
        dataset: `data.Dataset` of the recipe.
        rows: function of recipe, data set and `Teacher` that returns a
            function of a split and its name, which returns the rows as the
            teacher takes them; the one of the recipe's job.

    Returns:
        `data.Dataset`. Its notes say how good the teacher is on validation
        rows, and whether it may have learned the test rows.

    Raises:
        ExportError: if there is no such teacher, it is of another kind, lacks
            a class or a tag, or is no better than a guess.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits")
    >>> dataset = aet_keras.data.read_digits()
    >>> from aet_keras.training.teachers import with_teacher
    >>> with_teacher(recipe, dataset, None) is dataset
    True
    """
    path = getattr(recipe, "teacher", None)
    is_taught = isinstance(dataset.train, TaughtSplit)
    if path is None or rows is None or is_taught:
        return dataset
    kind = dataset.specification.target_kind
    taught = TAUGHT[kind]
    teacher = load_teacher(recipe, path, kind)
    columns, notes = _columns(recipe, teacher, dataset)
    _check_outputs(recipe, teacher, dataset)
    given = rows(recipe, dataset, teacher)

    train, more, held = dataset.train, None, dataset.validation

    def ask(x):
        found = _answers(recipe, teacher, columns, taught, x)
        if kind != "classes" or teacher.recipe is None:
            return found
        weights = [getattr(r, _WEIGHT, None) for r in (teacher.recipe, recipe)]
        return as_weighed(
            found, train.labels, teacher=weights[0], own=weights[1]
        )

    answers = ask(given(held, "validation"))
    note = _judged(recipe, teacher, taught, answers, held.labels)
    notes = [*notes, note]
    targets = taught.mix(train.labels, ask(given(train, "train")))
    if getattr(recipe, "unlabelled", None) is not None:
        more, x, said = _unlabelled(recipe, teacher, dataset)
        targets = np.concatenate([targets, taught.alone(ask(x))])
        notes = [*notes, said]
    made = TaughtSplit(
        train.inputs, train.labels, train.names, targets=targets, more=more
    )
    notes = [*dataset.notes, *notes, *_seen(recipe, teacher)]
    return dataclasses.replace(dataset, train=made, notes=tuple(notes))


def load_teacher(
    recipe: BaseRecipe, path: str, target_kind: str = "classes"
) -> Teacher:
    """Loads what a recipe names: a published version, or a `.keras` file.

    Args:
        recipe: of the student.
        path: str.
        target_kind: str. What is to be predicted. Defaults to `"classes"`.

    Raises:
        ExportError: if there is none, or it is of another kind of data, or
            predicts something else.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits")
    >>> try:
    ...     aet_keras.training.teachers.load_teacher(recipe, "nowhere.keras")
    ... except aet_keras.errors.ExportError as error:
    ...     "not there" in str(error)
    True
    """
    if path.endswith(".keras"):
        return Teacher(path, _load(recipe, pathlib.Path(path)))
    version = find_version(path)
    kind = written_kind(version, recipe.owner)
    found = target_kind_of(version)
    if kind not in (None, recipe.kind) or found != target_kind:
        is_other = kind not in (None, recipe.kind)
        says = TAUGHT[found].says if found else "a model of no classes"
        what = f"kind `{kind}`" if is_other else says
        raise _refused(
            recipe,
            f"must be of {recipe.rows}, and {TAUGHT[target_kind].says}, "
            "because it is asked about each of them. Received: "
            f"{path}, {what}. Name another folder.",
        )
    own = load_recipe(version / "recipe.json")
    if getattr(own, "text_backbone", None) is not None:  # its layers
        optional("keras_hub", extra=text_encoder.EXTRA)
    return Teacher(
        str(version),
        _load(recipe, version / "model.keras"),
        own,
        names_of(version) or None,
    )


def names_of(version: pathlib.Path) -> tuple[str, ...]:
    """Returns the classes or tags of a version; none of a number.

    Raises:
        ExportError: if they are not those that were published.
    """
    path = version / _LABELS
    if not path.is_file():
        return ()
    check_file(version, _LABELS)
    return tuple(path.read_text(encoding="utf-8").splitlines())


def target_kind_of(version: pathlib.Path) -> str | None:
    """Returns what a version predicts, by what it puts out; None if unknown."""
    outputs = ()
    if (version / FILE).exists():  # early releases wrote none, of classes
        signatures = read_content(version).get("signatures") or {}
        outputs = (signatures.get("serving_default") or {}).get("outputs", ())
    for kind in ("tags", "number"):  # tags are put out beside classes
        if TAUGHT[kind].output in outputs:
            return kind
    return "classes" if names_of(version) else None


def _load(recipe, path):
    try:
        return _regular_file.load_model(path)
    except (OSError, ValueError, TypeError) as error:
        raise _refused(
            recipe,
            "must be a folder that `aet-keras fit` published, or a `.keras` "
            f"file of a model. Received: {path}: {check.first_line(error)}. "
            "Name another one.",
        ) from error


def _refused(recipe, sentence):
    return ExportError(f"{recipe.owner}: `teacher` (`--teacher`) {sentence}")


def _columns(recipe, teacher, dataset):
    """Returns the teacher's columns of the names, and notes on them."""
    wanted = dataset.specification.class_names
    if not wanted:
        return [0], []  # a number has no names
    kind = dataset.specification.target_kind
    if teacher.class_names is None:
        return [*range(len(wanted))], [
            f"The {kind} of {teacher.name} have no names: they are taken in "
            "the order of the data's."
        ]
    missing = [name for name in wanted if name not in teacher.class_names]
    if missing:
        raise _refused(
            recipe,
            f"must know each of the {kind} of the data, because it says how "
            f"likely each is. Received: {teacher.name} without "
            f"{quoted(missing[:3])} ({len(missing)} of {len(wanted)}). Name a "
            "teacher that has learned them, or leave these rows out.",
        )
    more = len(teacher.class_names) - len(wanted)
    notes = []
    if more and kind == "classes":
        notes.append(
            f"The teacher knows {more} more classes: what it gives to these is "
            "shared out among the others."
        )
    return [teacher.class_names.index(name) for name in wanted], notes


def _check_outputs(recipe, teacher, dataset):
    """Raises if a model without names has other classes than the data."""
    names = dataset.specification.class_names
    shape = getattr(teacher.model, "output_shape", None)
    is_one = isinstance(shape, tuple) and len(shape) == 2
    units = shape[1] if is_one else None
    count = max(1, len(names))
    kind = dataset.specification.target_kind
    # One sigmoid tells two classes apart.
    wanted = (2, 1) if (kind, count) == ("classes", 2) else (count,)
    if teacher.class_names is not None or units is None or units in wanted:
        return
    raise _refused(
        recipe,
        f"must have an output for each of the {kind} of the data and no other, "
        "because a file does not name them. Received: "
        f"{teacher.name} with {units} for {count} {kind}. Name another "
        "one, or a folder of `aet-keras fit`, which has their names.",
    )


def _unlabelled(recipe, teacher, dataset):
    """Returns images without labels, as the teacher takes them, and words."""
    wanted = dataset.specification.image_size
    splits = dataset.train, dataset.validation, dataset.test
    images, names, left = unlabelled_images.read_fresh(
        recipe.owner, recipe.unlabelled, wanted, splits
    )
    size = image_size_of(teacher.model)
    if size in (None, images.shape[1:3]):
        rows = images
    else:  # as it was trained on them: decoded at its own size
        files = map(pathlib.Path, names)
        rows, _ = unlabelled_images.read_unlabelled(files, size)
    said = f"{len(images)} images without labels are taught by the teacher"
    return images, rows, f"{said}; left out are {left}."


def _answers(recipe, teacher, columns, taught, rows):
    """Returns the teacher's answers, in the order of the data's names."""
    found = taught.ask(teacher.model, rows, _BATCH, recipe.owner)
    taught.check(recipe.owner, found, len(teacher.class_names or columns))
    return taught.chosen(found, columns)


def _judged(recipe, teacher, taught, answers, labels):
    """Says how good the teacher is, which is better than a guess.

    Of few rows that cannot be told, and it is said.
    """
    good, guess, is_better = taught.judge(answers, labels)
    if not is_better and len(labels) >= _LEAST_TOLD:
        raise _refused(
            recipe,
            f"must know the {taught.what} of the data. Received: "
            f"{teacher.name}, {good}, {guess}. Its {taught.what} may be "
            "others, or it takes other numbers for the same rows.",
        )
    note = f"The teacher is {good}."
    if len(labels) < _LEAST_TOLD:
        note += (
            f" These are {len(labels)}: too few to tell whether it knows the "
            f"{taught.what}."
        )
    return note


def _seen(recipe, teacher):
    """Yields a note unless the teacher learned of the same training rows."""
    own = teacher.recipe
    if own is not None and has_learned_the_same(teacher.name, own, recipe):
        yield (
            "The teacher was trained on the same data, divided by the same "
            "seed: if the data are as they were then, it saw no test rows."
        )
        return
    yield (
        "The teacher may have learned rows that are test rows here: if so, the "
        "student's test figures are too good."
    )


def has_learned_the_same(
    version: str | os.PathLike, own: BaseRecipe, recipe: BaseRecipe
) -> bool:
    """Says whether a version learned of a recipe's training rows alone.

    Args:
        version: path of it.
        own: the recipe of the version.
        recipe: whose test rows it must not have seen.
    """
    # Else another model, or new rows, had a part in what it has learned.
    has_more = pathlib.Path(version, "adaptation.json").exists() or any(
        getattr(own, name, None) for name in ("from_", "teacher")
    )
    return not has_more and _splits(own) == _splits(recipe)


def _splits(recipe):
    found = {name: getattr(recipe, name, None) for name in _SPLITTING}
    if os.path.exists(found["data"]):
        found["data"] = os.path.realpath(found["data"])
    return found
