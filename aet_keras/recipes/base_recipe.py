"""Saves a recipe as a JSON file, and reads it again."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any, Self

from aet_keras import _check as check
from aet_keras import _regular_file


@dataclasses.dataclass(frozen=True)
class WrittenDown:
    """Saves the arguments of a recipe as JSON, and reads them again.

    A recipe is a frozen dataclass on top of it.

    For example:

    >>> recipe = aet_keras.recipes.Recipe("digits", epochs=3)
    >>> aet_keras.recipes.Recipe(**recipe.to_json()) == recipe
    True
    """

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the arguments down as JSON, the whole file or nothing."""
        from aet_keras import _files

        text = json.dumps(self.to_json(), indent=2)
        _files.write_whole(path, f"{text}\n".encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Reads what `save` wrote, or a person.

        Raises:
            ValueError: if the file is no JSON object, or names what a recipe
                does not have.
            OSError: if it cannot be read.
        """
        content = read_json(path)
        names = [field.name for field in dataclasses.fields(cls)]
        for name in content:
            check.known(
                cls.__name__, among=names, kind="recipe entry", name=name
            )
        with sentences_of_values():
            return made(cls, content)


@contextlib.contextmanager
def sentences_of_values() -> Iterator[None]:
    """Makes a wrong kind of value in a file a wrong value, as all else is."""
    try:
        yield
    except TypeError as error:
        raise ValueError(str(error)) from error


def made(kind: type, settings: dict[str, Any]) -> Any:
    """Makes a recipe; says which settings it cannot do without.

    Raises:
        ValueError: if one is not given.
    """
    lacking = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.name not in settings
    ]
    if not lacking:
        return kind(**settings)
    names = " and ".join(f"`{name}`" for name in lacking)
    raise ValueError(
        f"{kind.__name__}: it must say its {names}, because nothing else "
        f"does. Received: {', '.join(sorted(settings)) or 'nothing'}. Add it."
    )


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """Returns what a file says of a recipe, whatever kind that is."""
    text = _regular_file.read_text("Recipe", path, "a recipe")
    try:
        content = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        reason = "lists nested too deep" if deep else error
        raise ValueError(
            f"Recipe: a recipe must be a JSON file, as `recipe.json` in a "
            f"published folder is. Received: {path}, with {reason}."
        ) from error
    if not isinstance(content, dict) or "data" not in content:
        raise ValueError(
            "Recipe: a recipe must be one JSON object that says at least "
            f"its `data`. Received: {path}. Compare `recipe.json` in a "
            "published folder."
        )
    return content


def _each_once(pairs):
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(f"{check.shown(twice)} twice")
