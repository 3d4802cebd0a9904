"""Maps each kind of data to its recipe, and makes recipes of settings."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from aet_keras import _check as check
from aet_keras.recipes.base_recipe import (
    WrittenDown,
    read_json,
    sentences_of_values,
)
from aet_keras.recipes.image_recipe import ImageRecipe
from aet_keras.recipes.rating_recipe import RatingRecipe
from aet_keras.recipes.setting import option_of, settings_of
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe

KINDS: dict[str, type[WrittenDown]] = {
    "image": ImageRecipe,
    "text": TextRecipe,
    "table": TableRecipe,
    "rating": RatingRecipe,
}
_ROWS: dict[type[WrittenDown], str] = {
    ImageRecipe: "pictures",
    TextRecipe: "texts",
    TableRecipe: "tables",
    RatingRecipe: "ratings",
}


def make_recipe(settings: Mapping[str, Any]) -> WrittenDown:
    """Makes the recipe that settings are meant for.

    A setting that only one kind has decides: `text_column` is one of texts,
    `target` of tables, `user` of ratings. Without any, a folder of texts and
    the reviews of TFDS are texts, and all else is pictures.

    Args:
        settings: dict of arguments of one of the recipes.

    Returns:
        `ImageRecipe`, `TextRecipe`, `TableRecipe` or `RatingRecipe`.

    Raises:
        ValueError: if a setting belongs to none of them, two belong to
            different ones, or nothing says what the columns of a file are.

    Example:

    >>> aet_keras.recipes.make_recipe({"data": "digits", "epochs": 3}).epochs
    3
    """
    if "data" in settings:
        check.text("Recipe", data=settings["data"])
    telling: dict[type[WrittenDown], str] = {}
    for name in settings:
        kinds = [kind for kind in _ROWS if name in _names(kind)]
        if not kinds:
            known = {each for kind in _ROWS for each in _names(kind)}
            check.known("Recipe", among=known, kind="recipe entry", name=name)
        if len(kinds) == 1:
            telling.setdefault(kinds[0], name)
    if len(telling) > 1:
        raise ValueError(_mixed(telling))
    kind = next(iter(telling), None)
    if kind is None or _is_other(kind, settings.get("data")):
        kind = _usual(settings.get("data"))
    for name in settings:
        if name not in _names(kind):
            raise ValueError(_foreign(kind, name))
    _check_complete(kind, settings)
    return kind(**settings)


def load_recipe(
    path: str | os.PathLike, changes: Mapping[str, Any] | None = None
) -> WrittenDown:
    """Reads a recipe of any kind.

    Args:
        path: str or path of the JSON file that its `save` wrote, or a person.
        changes: optional dict of arguments that win over those in the file.

    Returns:
        The recipe.

    Raises:
        ValueError: if the file is no recipe, or an argument is out of range.
        OSError: if it cannot be read.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     aet_keras.recipes.Recipe("digits").save(f"{folder}/a.json")
    ...     recipe = aet_keras.recipes.load_recipe(
    ...         f"{folder}/a.json", {"epochs": 3}
    ...     )
    >>> recipe.data, recipe.epochs
    ('digits', 3)
    """
    settings = {**read_json(path), **(changes or {})}
    with sentences_of_values():
        return make_recipe(settings)


def _usual(source):
    """Returns the kind of a source of which nothing is said."""
    from aet_keras import data  # late: the room loads Keras

    if not isinstance(source, str | os.PathLike):
        return ImageRecipe
    if data.table_file.is_csv(source):
        raise ValueError(
            "Recipe: it must be said which columns of a file are what. "
            f"Received: {source} alone. Name `text_column` and `label_column` "
            "of texts (`--text-column`), the `target` of a table (`--target`), "
            "or `user`, `item` and `rating`."
        )
    return (
        TextRecipe if data.text_reading.is_text_source(source) else ImageRecipe
    )


def _is_other(kind, source):
    """Says whether a source is certainly none of a kind, by its look."""
    from aet_keras import data  # late: the room loads Keras

    if not isinstance(source, str | os.PathLike):
        return False
    if source == "digits" or str(source).lower().endswith(".npz"):
        return kind is not ImageRecipe
    if os.path.isdir(source):
        is_text = data.text_reading.is_text_source(source)
        return kind is not (TextRecipe if is_text else ImageRecipe)
    return (
        kind is ImageRecipe
        and os.path.isfile(source)
        and data.table_file.is_csv(source)
    )


def _check_complete(kind, settings):
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING and field.name not in settings:
            raise ValueError(
                f"{kind.__name__}: {_named(field.name)} must be given, because "
                f"{_ROWS[kind]} cannot be learned from without it. Received: "
                f"{', '.join(map(_named, settings))}. Name it."
            )


def _named(name):
    """Returns a setting as Python and the terminal call it."""
    for kind in _ROWS:
        if name in settings_of(kind):
            return f"`{name}` (`{option_of(name, settings_of(kind)[name])}`)"
    return f"`{name}`"


def _names(kind):
    return [field.name for field in dataclasses.fields(kind)]


def _foreign(kind, name):
    others = [_ROWS[each] for each in _ROWS if name in _names(each)]
    return (
        f"{kind.__name__}: a setting must be one of {_ROWS[kind]}, because "
        "that is what the data holds or the others are for. Received: "
        f"{_named(name)}, of {' and '.join(others)}. Leave it out, or say "
        "which column is what."
    )


def _mixed(telling):
    said = " and ".join(
        f"{_named(name)} of {_ROWS[kind]}" for kind, name in telling.items()
    )
    return (
        "Recipe: settings must belong to one kind of data, because one model "
        f"is adapted. Received: {said}. Leave the others out."
    )
