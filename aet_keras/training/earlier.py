"""Has a model of images or texts go on where an earlier version ended."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import keras

from aet_keras import _regular_file, data
from aet_keras._optional import optional
from aet_keras._wording import quoted
from aet_keras.backbones import text_encoder
from aet_keras.data.names import note_alike
from aet_keras.drift.heads import dense_head
from aet_keras.errors import ExportError
from aet_keras.publishing.candidates import read_record
from aet_keras.publishing.manifest import FILE
from aet_keras.publishing.publication import find_version
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.image_recipe import ImageRecipe, usual_settings
from aet_keras.recipes.kinds import load_recipe
from aet_keras.recipes.shared_settings import check_as_earlier
from aet_keras.recipes.text_recipe import TextRecipe
from aet_keras.tasks.number_unit import Unit, head_name, value_end
from aet_keras.training import heads, job
from aet_keras.training.kept_sets import read_guarantee
from aet_keras.training.teachers import (
    has_learned_the_same,
    names_of,
    target_kind_of,
)

_RecipeT = TypeVar("_RecipeT", bound=BaseRecipe)
_SIZES = {"image": "image_size", "text": "sequence_length"}
_OF_ANSWERS = (
    "class_order",
    "class_weight",
    "cost_false_negative",
    "cost_false_positive",
)
KINDS = tuple(_SIZES)


@dataclasses.dataclass(frozen=True, eq=False)
class Earlier:
    """Holds an earlier version, and what it predicts.

    Args:
        version: path of it.
        model: its `keras.Model`.
        target_kind: `"classes"`, `"number"` or `"tags"`.
        names: tuple of str. Its classes or tags, in their order.
        head: the `keras.layers.Dense` that it ends in.
        unit: optional `Unit`, of a number.
    """

    version: Path
    model: keras.Model
    target_kind: str
    names: tuple[str, ...]
    head: keras.layers.Dense
    unit: Unit | None

    @classmethod
    def of(cls, recipe: Any) -> "Earlier":
        """Loads the version that a recipe names.

        Args:
            recipe: of images or texts, with `from_`.

        Raises:
            ExportError: if it is none that a run of this kind published.
        """
        version = find_version(recipe.from_)
        if recipe.kind == "text":  # its layers
            optional("keras_hub", extra=text_encoder.EXTRA)
        model = job.load_earlier(str(version))
        kind = target_kind_of(version) or "classes"
        names = names_of(version)
        try:
            value, unit = value_end(model)
            whole = keras.Model(model.input, value)
            activation = heads.HEADS[kind].activation
            head = dense_head(recipe.owner, whole, activation)
        except (AttributeError, ValueError) as error:
            raise _without_head(recipe, version) from error
        is_number = kind == "number"
        wanted = 1 if is_number else len(names)
        if (unit is not None) != is_number or head.units != wanted:
            raise _without_head(recipe, version)
        return cls(version, model, kind, names, head, unit)

    def columns(self, specification: Any) -> list[int | None]:
        """Returns where each class of some data is in the head, if there."""
        return _columns(self.names, self.target_kind, specification)


def _without_head(recipe, version):
    return _refused(
        recipe,
        "must end in one dense layer, with an output for each of its classes "
        f"or tags. Received: {version}, which does not",
    )


def _refused(recipe, sentence):
    return ExportError(
        f"{recipe.owner}: the earlier model (`--from`) {sentence}. Name a "
        f"folder of {recipe.rows} that `aet-keras fit` published, or leave it "
        "out."
    )


def _columns(names, kind, specification):
    wanted = specification.class_names
    if kind != specification.target_kind:
        return [None] * max(1, len(wanted))
    if kind == "number":
        return [0]
    return [names.index(each) if each in names else None for each in wanted]


def known_columns(recipe: Any, dataset: data.Dataset) -> list[int | None]:
    """Returns where each class of a data set is in the earlier head.

    Args:
        recipe: of images or texts, with `from_`.
        dataset: what it reads.

    Returns:
        list of int, None for a class or tag that the earlier model does not
        know. A number has the column 0.
    """
    version = find_version(recipe.from_)
    kind = target_kind_of(version)
    return _columns(names_of(version), kind, dataset.specification)


def check_given(recipe: Any, known: dict[str, Any]) -> None:
    """Raises if a recipe asks for another model than the earlier one is.

    Args:
        recipe: of any kind, with `from_`.
        known: dict of settings that the earlier model settles.

    Raises:
        ValueError: naming the first that is not its default, and differs.
    """
    given = [name for name in known if recipe.given_of(name) is not None]
    check_as_earlier(recipe, **{name: known[name] for name in given})


def as_earlier(recipe: _RecipeT) -> _RecipeT:
    """Returns a recipe with all that is settled by the model of its `from_`.

    Args:
        recipe: of images or texts, whose `from_` is a version.

    Raises:
        ExportError: if that is no version of this kind.
        ValueError: if the recipe asks for another size, or another backbone.
    """
    given: Any = recipe
    path = Path(given.from_) / "recipe.json"
    if problem := _regular_file.why_not(path):
        raise _refused(
            recipe, f"must have its recipe. Received: {path}, {problem}"
        )
    earlier = load_recipe(path)
    if earlier.kind != recipe.kind:
        raise _refused(
            recipe,
            f"must be of {recipe.rows}. Received: {given.from_}, which is of "
            f"{earlier.rows}",
        )
    known = {name: getattr(earlier, name) for name in recipe.built}
    known[_SIZES[recipe.kind]] = _size_of(recipe, Earlier.of(recipe).model)
    check_given(recipe, known)
    made: Any = dataclasses.replace(recipe, **known)
    if isinstance(made, ImageRecipe):
        made = dataclasses.replace(made, **usual_settings(made))
    return made


def _size_of(recipe, model):
    """Returns the pixels or the tokens that a model takes."""
    given = model.input
    if recipe.kind == "text":
        if isinstance(given, dict) and "token_ids" in given:
            return given["token_ids"].shape[1]
        raise _refused(recipe, "must take tokens. Received: a model of others")
    shape = tuple(getattr(given, "shape", ()))
    if len(shape) == 4 and shape[1] == shape[2] and shape[3] == 3 and shape[1]:
        return shape[1]
    raise _refused(
        recipe,
        "must take square images of three channels, as they are read. "
        f"Received: a model that takes {shape[1:]}",
    )


def check_settled(recipe: ImageRecipe | TextRecipe) -> None:
    """Raises unless a recipe says all that its earlier model settles.

    Raises:
        ValueError: if it is to be made by `as_earlier` yet.
    """
    if getattr(recipe, _SIZES[recipe.kind], None) is None and recipe.from_:
        raise ValueError(
            f"{recipe.owner}: a recipe with `from_` must be run by "
            "`training.run_recipe`, because the earlier model says its "
            f"backbone and size. Received: from_={recipe.from_!r} without "
            "them. Call that, or leave `from_` out."
        )


def noted(recipe: Any, dataset: data.Dataset) -> data.Dataset:
    """Returns a data set whose notes say what the earlier model knows of it.

    They also name settings of its answers that this recipe leaves out.

    Args:
        recipe: of any kind; without `from_` nothing changes.
        dataset: what it reads.
    """
    if getattr(recipe, "from_", None) is None:
        return dataset
    version, notes = find_version(recipe.from_), dataset.notes
    kind = target_kind_of(version)
    if kind == getattr(dataset.specification, "target_kind", None):
        notes = *notes, *_not_said_again(recipe, version)
    if recipe.kind in KINDS:
        notes = *notes, *_notes(version, names_of(version), kind, dataset)
        notes = *notes, _learned(recipe, version, dataset)
    return dataclasses.replace(dataset, notes=notes)


def _not_said_again(recipe, version):
    """Notes settings of the earlier answers that a recipe leaves out."""
    path = version / "recipe.json"
    if _regular_file.why_not(path):
        return
    earlier = load_recipe(path)
    has: dict[str, Any] = {
        name: earlier.given_of(name)
        for name in _OF_ANSWERS
        if name in earlier.settings
    }
    if (version / FILE).exists():  # `calibrate` may have given it
        has["coverage"] = read_guarantee(version)
    gone = [
        recipe.named(name)
        for name in sorted(has.keys() & recipe.settings.keys())
        if has[name] is not None and recipe.given_of(name) is None
    ]
    if gone:
        yield (
            f"The earlier version was made with {' and '.join(gone)}, and this "
            "one is not: its answers are others. Say it again to keep it."
        )


def _notes(version, names, kind, dataset) -> Iterator[str]:
    specification = dataset.specification
    begins = f"Begins with {version}"
    if kind != specification.target_kind:
        what = {"number": "a number"}.get(kind, kind)
        yield f"{begins}, which predicts {what}: the head is new."
        return
    if kind == "number":
        yield f"{begins}, and the number that it predicts."
        return
    wanted = specification.class_names
    new = [each for each in wanted if each not in names]
    gone = [each for each in names if each not in wanted]
    if len(new) == len(wanted):
        yield f"{begins}, which knows none of these {kind}: the head is new."
    else:
        said = f"{begins}, which knows {len(wanted) - len(new)} of the "
        said += f"{len(wanted)} {kind}"
        if new:
            said += f"; new are {quoted(new)}"
        if gone:
            said += f"; left out, because no row has them, are {quoted(gone)}"
        yield f"{said}."
    yield from note_alike(kind, new, names)


def _learned(recipe, version, dataset):
    """Says which rows the earlier model has learned, as far as it is known."""
    earlier = load_recipe(version / "recipe.json")
    is_same = has_learned_the_same(version, earlier, recipe)
    # What is predicted decides which rows are drawn into a split.
    is_same &= target_kind_of(version) == dataset.specification.target_kind
    # With more rows, or fewer, others are test rows.
    if is_same and _train_count(version) == dataset.train.count:
        return (
            "The earlier model was trained on the same data, divided by the "
            "same seed: if the data are as they were then, it saw no test rows."
        )
    return (
        f"The earlier model may have learned rows of `{earlier.data}`, and "
        "others before: if they are test rows here, the figures are too good."
    )


def _train_count(version):
    """Returns how many rows a version has learned, None if unknown."""
    path = version / "report.json"
    if _regular_file.why_not(path):
        return None
    return _regular_file.read_object("fit", path, "a report").get("train_count")


def build(recipe: Any, dataset: data.Dataset) -> keras.Model:
    """Builds the model of a recipe on the layers of the earlier one.

    Its head has the weights of each class or tag that both know by name. Of a
    number it puts out the same, in the unit of the new rows.

    Args:
        recipe: of images or texts, with `from_`.
        dataset: what it reads.

    Returns:
        `keras.Model`, as a builder of `aet_keras.tasks` builds it.

    Raises:
        ExportError: if there is no such version.
    """
    earlier = Earlier.of(recipe)
    kind = heads.head_of(dataset)
    made = keras.layers.Dense(
        kind.units(dataset),
        activation=kind.activation,
        dtype="float32",
        name=head_name(kind.activation),
    )
    outputs = made(earlier.head.input)
    name = f"{recipe.kind}_classifier"
    model = keras.Model(earlier.model.input, outputs, name=name)
    old, old_bias = earlier.head.get_weights()
    if earlier.unit is not None and kind.activation == "linear":
        old, old_bias = _in_unit_of(dataset, earlier.unit, old, old_bias)
    kernel, bias = made.get_weights()
    for place, column in enumerate(earlier.columns(dataset.specification)):
        if column is not None:
            kernel[:, place] = old[:, column]
            bias[place] = old_bias[column]
    made.set_weights([kernel, bias])
    return model


def _in_unit_of(dataset, unit, kernel, bias):
    """Returns a head that puts out the same number in another unit."""
    new = Unit.fitted(dataset.train.labels)
    moved = bias * unit.scale + unit.mean - new.mean
    return kernel * unit.scale / new.scale, moved / new.scale


def thresholds_of(version: Path) -> tuple[float, ...]:
    """Returns the thresholds of tags, from which a version answers.

    Its report has them; where there is none, since it was adapted without old
    rows, its record.
    """
    if _regular_file.why_not(version / "report.json") == "not there":
        return tuple((read_record(version) or {}).get("thresholds") or ())
    content = _regular_file.read_object(
        "adapt", version / "report.json", "a report"
    )
    return tuple(each["threshold"] for each in content["test"]["per_tag"])
