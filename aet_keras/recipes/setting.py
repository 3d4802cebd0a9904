"""Declares what a field of a recipe takes, with its help.

Written beside each field, once; `aet-keras fit` makes its options of it.
This room loads neither Keras nor NumPy, so that help needs neither.
"""

import dataclasses
import math
from typing import Any, Literal

_KEY = "setting"

Kind = Literal[
    "whole", "number", "word", "choice", "flag", "policy", "words", "pairs"
]


@dataclasses.dataclass(frozen=True)
class Setting:
    """Says what a field of a recipe takes.

    Args:
        help: str. What it does, as a person reads it in a terminal.
        kind: `"whole"`, `"number"`, `"word"`, `"choice"` (of `among`),
            `"flag"`, `"policy"` (one of `among`), `"words"` (several) or
            `"pairs"` (several `NAME=WORD`).
        least: float. The lowest number. Defaults to none.
        above: optional float. What a number must be above.
        most: float. The highest number. Defaults to none.
        among: tuple of str. The words of a choice, the names of policies.
        option: optional str. Its option, if that is not its own name.
        metavar: optional str. What stands for the value in the help.
        default: optional str. The default in words, where it depends.
        can_be_none: bool. Whether the word `none` means None.

    For example:

    >>> recipe = aet_keras.recipes.Recipe
    >>> aet_keras.recipes.setting.settings_of(recipe)["epochs"].least
    1
    """

    help: str
    kind: Kind = "word"
    least: float = -math.inf
    above: float | None = None
    most: float = math.inf
    among: tuple[str, ...] = ()
    option: str | None = None
    metavar: str | None = None
    default: str | None = None
    can_be_none: bool = False


def setting(value: Any, help: str, kind: Kind = "word", **more: Any) -> Any:
    """Returns a field of a recipe with a default and a `Setting`."""
    said = Setting(help, kind, **more)
    return dataclasses.field(default=value, metadata={_KEY: said})


def required(help: str, **more: Any) -> Any:
    """Returns a field of a recipe that has no default."""
    return dataclasses.field(metadata={_KEY: Setting(help, **more)})


def settings_of(recipe: type) -> dict[str, Setting]:
    """Returns what each field of a recipe takes, in the recipe's order.

    Args:
        recipe: class. One of `aet_keras.recipes`.

    Returns:
        dict from the field's name to its `Setting`. A field without one,
        such as `data`, is none that an option sets.

    For example:

    >>> list(aet_keras.recipes.setting.settings_of(aet_keras.recipes.Recipe))[0]
    'backbone'
    """
    return {
        field.name: field.metadata[_KEY]
        for field in dataclasses.fields(recipe)
        if _KEY in field.metadata
    }


def option_of(name: str, said: Setting) -> str:
    """Returns the option of `aet-keras fit` that sets a field."""
    return said.option or "--" + name.rstrip("_").replace("_", "-")
