"""Checks a recipe, saves it as a JSON file, and reads it again."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from aet_keras import _check as check
from aet_keras import _files, _regular_file
from aet_keras.recipes.setting import Setting, declared_settings

_ROWS = "{settings}"  # where a docstring wants the rows of the settings


@dataclasses.dataclass(frozen=True)
class BaseRecipe:
    """Saves the arguments of a recipe as JSON, and reads them again.

    A recipe is a frozen dataclass on top of it. `settings` says what each of
    its fields takes; from it come the check and the rows in the docstring.

    Args:
        data: str. What there is to learn from.
        kind: str. What a row of it is: `"image"`, `"text"`, `"table"` or
            `"rating"`. Each recipe has one.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits", epochs=3)
    >>> aet_keras.recipes.Recipe(**recipe.to_json()) == recipe
    True
    """

    settings: ClassVar[Mapping[str, Setting]] = {}
    rows: ClassVar[str] = "rows"  # what the rows of its data are called
    owner: ClassVar[str] = "Recipe"  # how sentences begin
    # Settings of the model that is built; with `from_` they are the earlier's.
    built: ClassVar[tuple[str, ...]] = ()

    data: str
    kind: str = dataclasses.field(default="", kw_only=True)

    def __init_subclass__(
        cls, *, kind: str = "", rows: str = "rows", owner: str = ""
    ) -> None:
        super().__init_subclass__()
        cls.settings = declared_settings(cls)
        cls.rows, cls.owner = rows, owner or cls.__name__
        cls.__annotations__["kind"] = str
        cls.kind = dataclasses.field(default=kind, kw_only=True)
        if cls.__doc__:
            shown = [setting.to_row() for setting in cls.settings.values()]
            rows = "\n".join(shown).lstrip()
            cls.__doc__ = cls.__doc__.replace(_ROWS, rows)

    def __post_init__(self) -> None:
        check.text(self.owner, data=self.data)
        check.one_of(self.owner, kind=self.kind, among=(type(self).kind,))
        for name, setting in self.settings.items():
            value = getattr(self, name)
            setting.check(self.owner, value)
            if isinstance(value, list):  # JSON has no tuples
                object.__setattr__(self, name, tuple(value))

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the arguments down as JSON, the whole file or nothing."""
        text = json.dumps(self.to_json(), indent=2)
        _files.write_whole(path, f"{text}\n".encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Reads a file that `save` or a person wrote.

        Raises:
            ValueError: if the file is no JSON object, or names what a recipe
                does not have.
            OSError: if it cannot be read.
        """
        content = read_json(path)
        names = cls.names()
        for name in content:
            check.known(cls.owner, among=names, kind="recipe entry", name=name)
        with sentences_of_values():
            return cls.of(content)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Makes a recipe of its arguments, and says which one is missing.

        Raises:
            ValueError: if one must be given and is not, or is out of range.
        """
        for field in dataclasses.fields(cls):
            is_needed = field.default is dataclasses.MISSING
            if is_needed and field.name not in settings:
                raise ValueError(
                    f"{cls.owner}: {cls.named(field.name)} must be given, "
                    f"because {cls.rows} cannot be learned from without it. "
                    f"Received: {', '.join(map(cls.named, settings))}. Name it."
                )
        return cls(**settings)

    @classmethod
    def names(cls) -> list[str]:
        """Returns the names of its arguments."""
        return [field.name for field in dataclasses.fields(cls)]

    def given_of(self, *names: str) -> str | None:
        """Returns the first of some arguments that is not its default."""
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        given = (n for n in names if getattr(self, n) != defaults[n])
        return next(given, None)

    @classmethod
    def named(cls, name: str) -> str:
        """Returns an argument as Python and the terminal call it."""
        setting = cls.settings.get(name)
        return f"`{name}` (`{setting.option}`)" if setting else f"`{name}`"


@contextlib.contextmanager
def sentences_of_values() -> Iterator[None]:
    """Makes a wrong kind of value in a file a wrong value, as all else is."""
    try:
        yield
    except TypeError as error:
        raise ValueError(str(error)) from error


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """Returns the content of a recipe file of any kind."""
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
    if "target" in content:  # before targets could be numbers, it was classes
        content.setdefault("target_kind", "classes")
    return content


def _each_once(pairs):
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(f"{check.shown(twice)} twice")
