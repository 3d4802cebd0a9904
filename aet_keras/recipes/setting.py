"""Declares a setting of a recipe: type, range, default, help, and option.

It is declared beside its field, once. The recipe's check, the row in its
docstring and the option of `aet-keras fit` are made of it. This module loads
neither Keras nor NumPy, so that help needs neither.
"""

import dataclasses
import math
import types
import typing
from typing import Any, Literal

from aet_keras import _check as check

MOST_COUNT = 2**31 - 1  # what an int32 holds
MOST_SEED = 2**32 - 1  # what NumPy takes

REQUIRED: Any = object()  # stands for a default where there is none

_KEY = "setting"

Kind = Literal[
    "whole",
    "number",
    "word",
    "encoding",
    "choice",
    "flag",
    "policy",
    "words",
    "columns",
    "dates",
    "pairs",
]
_KINDS: dict[Any, Kind] = {
    int: "whole",
    float: "number",
    str: "word",
    bool: "flag",
    dict[str, Any]: "policy",
    dict[str, str]: "pairs",
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """Describes the values that a field of a recipe takes.

    Args:
        help: str. What it does, as a person reads it in a terminal.
        kind: `"whole"`, `"number"`, `"word"`, `"encoding"` (of texts),
            `"choice"` (of `among`), `"flag"`, `"policy"` (one of `among`),
            `"words"`, `"columns"` or `"dates"` (several of them), or
            `"pairs"` (several `NAME=WORD`, the words of `among`). Defaults to
            what the field is annotated with.
        least: float. The lowest number. Defaults to none.
        above: optional float. What a number must be above.
        most: float. The highest number. Defaults to none.
        among: tuple of str. The words of a choice, the names of policies.
        option: str. Its option. Defaults to its own name.
        metavar: optional str. What stands for the value in the help.
        default: optional str. The default in words, where it depends.
        can_be_none: bool. Whether the word `none` means None. Defaults to
            whether the default is None.
        name: str. The field's; like `value`, known once the field is.
        value: The field's default, `REQUIRED` if it has none.

    Example:

    >>> recipe = aet_keras.recipes.Recipe
    >>> aet_keras.recipes.setting.settings_of(recipe)["epochs"].least
    1
    """

    help: str
    kind: Kind | None = None
    least: float = -math.inf
    above: float | None = None
    most: float = math.inf
    among: tuple[str, ...] = ()
    option: str = ""
    metavar: str | None = None
    default: str | None = None
    can_be_none: bool = False
    name: str = ""
    value: Any = REQUIRED

    @property
    def takes_several(self) -> bool:
        """Whether its option may be given several times."""
        return self.kind in ("words", "columns", "dates", "pairs")

    @property
    def shown_most(self) -> float:
        """The highest number that is worth telling a person."""
        return math.inf if self.most >= MOST_COUNT else self.most

    def check(self, owner: str, value: Any) -> None:
        """Raises unless a value is what the setting takes.

        Raises:
            TypeError: if it is of another kind.
            ValueError: if it is out of its range.
        """
        if value is None and (self.value is None or self.can_be_none):
            return
        named = {self.name: value}
        if self.kind == "whole":
            least, most = int(self.least), int(self.most)
            check.whole(owner, least=least, up_to=most, **named)
        elif self.kind == "number":
            check.number(
                owner,
                least=self.least,
                above=self.above,
                most=self.most,
                **named,
            )
        elif self.kind == "flag":
            check.boolean(owner, **named)
        elif self.kind == "choice":
            check.one_of(owner, among=self.among, **named)
        elif self.kind == "encoding":
            check.encoding(owner, **named)
        elif self.kind == "pairs":
            check.instance(owner, of=dict, **named)
            for word in value.values():
                check.one_of(owner, among=self.among, **{self.name: word})
        elif self.kind == "policy":
            from aet_keras.policies.description import read_policy  # late: big

            read_policy(value, among=self.among, owner=owner)
        elif self.takes_several:
            self._check_words(owner, value)
        else:
            check.text(owner, **named)

    def _check_words(self, owner, value):
        check.instance(owner, of=list | tuple, **{self.name: value})
        for word in value:
            if self.kind == "columns":
                check.text(owner, **{self.name: word})
            else:
                check.instance(owner, of=str, **{self.name: word})
            if self.kind == "dates":
                from aet_keras.data import date_cells  # late: loads Keras

                date_cells.check_date_format(owner, word)

    def default_in_words(self) -> str | None:
        """Returns the default as a person reads it; None if there is none."""
        if self.default is not None:
            return self.default
        if self.value is REQUIRED or self.value in (None, ()):
            return None
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, float):
            return f"{self.value:g}"
        return str(self.value)

    def to_row(self) -> str:
        """Returns its row below `Args:` in the docstring of a recipe."""
        default = self.default_in_words()
        ending = f" Default: {default}." if default else ""
        optional = "optional " if self.value is None else ""
        text = f"{self.name}: {optional}{self._type()}. {self.help}{ending}"
        lines = [" " * 7]
        for word in text.split():  # by `textwrap`, help takes 6 ms longer
            if len(lines[-1]) + len(word) >= 80:
                lines.append(" " * 11)
            lines[-1] += f" {word}"
        return "\n".join(lines)

    def _type(self):
        words = ", ".join(f'`"{word}"`' for word in self.among)
        if self.kind in ("whole", "number"):
            name = "int" if self.kind == "whole" else "float"
            low = f"> {self.above:g}" if self.above is not None else ""
            low = low or f">= {self.least:g}"
            high = self.shown_most
            return f"{name} {low}" + (f", <= {high:g}" if high < 1e9 else "")
        return {
            "flag": "bool",
            "choice": f"one of {words}",
            "policy": "dict, a policy and its arguments, one of "
            + ", ".join(f"`{name}`" for name in self.among),
            "pairs": f"dict of str to one of {words}",
        }.get(self.kind, "tuple of str" if self.takes_several else "str")


def setting(value: Any, declared: Setting | str, **more: Any) -> Any:
    """Returns a field of a recipe with a default and a `Setting`.

    Args:
        value: The default; `REQUIRED` if there is none.
        declared: `Setting` that several recipes share, or the help of a
            new one.
        **more: what else the new one says, or what differs from the shared.
    """
    if isinstance(declared, str):
        declared = Setting(declared, **more)
    declared = dataclasses.replace(declared, value=value, **more)
    default = dataclasses.MISSING if value is REQUIRED else value
    return dataclasses.field(default=default, metadata={_KEY: declared})


def settings_of(recipe: type) -> dict[str, Setting]:
    """Returns the settings of a recipe by name, in the recipe's order.

    Args:
        recipe: class. One of `aet_keras.recipes`.

    Returns:
        dict from the field's name to its `Setting`. A field without one,
        such as `data`, is none that an option sets.

    Example:

    >>> list(aet_keras.recipes.setting.settings_of(aet_keras.recipes.Recipe))[0]
    'backbone'
    """
    return recipe.settings  # type: ignore[attr-defined]  # of each recipe


def declared_settings(recipe: type) -> dict[str, Setting]:
    """Returns the settings that a class declares, before it is a dataclass."""
    return {
        name: _completed(name, annotation, vars(recipe)[name].metadata[_KEY])
        for name, annotation in vars(recipe).get("__annotations__", {}).items()
        if _KEY in getattr(vars(recipe).get(name), "metadata", ())
    }


def _completed(name, annotation, declared):
    """Returns a setting with its name, and the kind of its annotation."""
    if isinstance(annotation, types.UnionType):
        (annotation,) = set(typing.get_args(annotation)) - {type(None)}
    kind = declared.kind or _KINDS.get(annotation, "words")
    if kind == "word" and declared.among:
        kind = "choice"
    most = declared.most
    if kind == "whole" and most == math.inf:
        most = MOST_COUNT
    option = declared.option or "--" + name.rstrip("_").replace("_", "-")
    return dataclasses.replace(
        declared, name=name, kind=kind, most=most, option=option
    )
