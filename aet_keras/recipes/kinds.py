"""Maps each kind of data to its recipe, and makes recipes of settings."""

import os
from collections.abc import Mapping
from typing import Any

from aet_keras import _check as check
from aet_keras.recipes.base_recipe import (
    BaseRecipe,
    read_json,
    sentences_of_values,
)
from aet_keras.recipes.image_recipe import ImageRecipe
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.recipes.rating_recipe import RatingRecipe
from aet_keras.recipes.table_recipe import TableRecipe
from aet_keras.recipes.text_recipe import TextRecipe

_RECIPES = (ImageRecipe, TextRecipe, TableRecipe, RatingRecipe, ItemRecipe)
KINDS: dict[str, type[BaseRecipe]] = {each.kind: each for each in _RECIPES}


def make_recipe(settings: Mapping[str, Any]) -> BaseRecipe:
    """Makes the recipe that settings are meant for.

    Its `kind` decides. Recipes that were written before 0.11.0 have none, nor
    has a command line: there a setting that only one kind has decides, such as
    `text_column` of texts, `image_column` of images or `user` of ratings;
    `text_column` and `image_column` together are of items. A file with a
    `target` or `label_columns` alone is a table. Without any, a folder of
    texts and the reviews of TFDS are texts, and all else is images.

    Args:
        settings: dict of arguments of one of the recipes, `kind` among them
            or not.

    Returns:
        `ImageRecipe`, `TextRecipe`, `TableRecipe`, `RatingRecipe` or
        `ItemRecipe`.

    Raises:
        ValueError: if a setting belongs to none of them, two belong to
            different ones, or nothing says what the columns of a file are.

    Example:

    >>> from aet_keras.recipes.kinds import make_recipe
    >>> make_recipe({"data": "digits", "epochs": 3}).epochs
    3
    """
    if "data" in settings:
        check.text("Recipe", data=settings["data"])
    recipe = _recipe_of(settings)
    for name in settings:
        if name not in recipe.names():
            raise ValueError(_foreign(recipe, name))
    return recipe.of(settings)


def load_recipe(
    path: str | os.PathLike, changes: Mapping[str, Any] | None = None
) -> BaseRecipe:
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
    try:
        with sentences_of_values():
            return make_recipe(settings)
    except ValueError as error:
        if changes:  # it may be of these
            raise
        raise ValueError(f"{error} It is written in {path}.") from error


def _recipe_of(settings):
    """Returns the recipe that settings are of."""
    known = {name for recipe in _RECIPES for name in recipe.names()}
    for name in settings:
        check.known("Recipe", among=known, kind="recipe entry", name=name)
    _check_table(settings.get("data"))
    if "kind" in settings:
        kind = settings["kind"]
        return KINDS[check.one_of("Recipe", kind=kind, among=tuple(KINDS))]
    if {"image_column", "text_column"} <= settings.keys():
        return ItemRecipe
    telling: dict[type[BaseRecipe], str] = {}
    for name in settings:
        having = [recipe for recipe in _RECIPES if name in recipe.names()]
        # Items have what images, texts and tables have: it tells nothing.
        having = [each for each in having if each is not ItemRecipe] or having
        if len(having) == 1:
            telling.setdefault(having[0], name)
    if len(telling) > 1:
        raise ValueError(_mixed(telling))
    told = next(iter(telling), None)
    if "image_column" in settings and told is ImageRecipe:
        return told  # images that a table names
    if told in (None, ImageRecipe) and _names_target(settings):
        return TableRecipe  # a setting of images is refused by its name
    if told is None or _is_other(told, settings.get("data")):
        return _usual(settings.get("data"))
    return told


def _check_table(source):
    """Refuses a workbook, for example, before it is taken for images."""
    from aet_keras import data  # late: it loads Keras

    if isinstance(source, str | os.PathLike) and not os.path.isdir(source):
        data.table_file.check_ending("Recipe", source)


def _names_target(settings):
    """Says whether a table is meant: a file, and what is predicted of it."""
    from aet_keras import data  # late: it loads Keras

    source = settings.get("data")
    return (
        ("target" in settings or "label_columns" in settings)
        and isinstance(source, str | os.PathLike)
        and not os.path.isdir(source)
        and data.table_file.is_csv(source)
    )


def _usual(source):
    """Returns the usual recipe of a source."""
    from aet_keras import data  # late: it loads Keras

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


def _is_other(recipe, source):
    """Says whether the name of a source rules a recipe out."""
    from aet_keras import data  # late: it loads Keras

    if not isinstance(source, str | os.PathLike):
        return False
    if source == "digits" or str(source).lower().endswith(".npz"):
        return recipe is not ImageRecipe
    if os.path.isdir(source):
        is_text = data.text_reading.is_text_source(source)
        return recipe is not (TextRecipe if is_text else ImageRecipe)
    return (
        recipe is ImageRecipe
        and os.path.isfile(source)
        and data.table_file.is_csv(source)
    )


def _foreign(recipe, name):
    others = [each for each in _RECIPES if name in each.names()]
    return (
        f"{recipe.owner}: a setting must be one of {recipe.rows}, because "
        "that is what the data holds or the others are for. Received: "
        f"{others[0].named(name)}, of "
        f"{' and '.join(each.rows for each in others)}. Leave it out, or say "
        "which column is what."
    )


def _mixed(telling):
    shown = " and ".join(
        f"{recipe.named(name)} of {recipe.rows}"
        for recipe, name in telling.items()
    )
    return (
        "Recipe: settings must belong to one kind of data, because one model "
        f"is adapted. Received: {shown}. Leave the others out."
    )
