"""Makes command-line options of the fields of a recipe.

Options of one kind of data stand under its heading; those of several say
which, and their defaults where these differ.
"""

import csv
import math
from collections.abc import Callable, Sequence
from typing import Any

import click

from aet_keras.cli._options import SectionedOption
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.kinds import KINDS
from aet_keras.recipes.setting import Setting

_SEVERAL = "Several kinds of data"
_LISTED = "label_columns", "class_order"  # may be named in one word


def recipe_options(
    recipes: Sequence[type[BaseRecipe]] = tuple(KINDS.values()),
    *,
    only: Sequence[str] = (),
) -> Callable[[Callable], Callable]:
    """Returns a decorator that adds an option for each setting of recipes.

    Args:
        recipes: classes of recipes.
        only: names of the settings that get one; all of them if empty.
    """
    names = dict.fromkeys(name for each in recipes for name in each.settings)
    made = [_option(name, recipes) for name in only or names]

    def add(command: Callable) -> Callable:
        for option in reversed(made):  # the last to be added is shown first
            command = option(command)
        return command

    return add


def _option(name, recipes):
    having = [recipe for recipe in recipes if name in recipe.settings]
    setting = having[0].settings[name]
    # Items have options of images and texts, whose headings say what they are.
    of_parts = [each for each in having if each.kind != "item"]
    is_of_one = len(of_parts or having) == 1
    having = (of_parts or having) if is_of_one else having
    section = having[0].rows.capitalize() if is_of_one else _SEVERAL
    words = setting.help
    if not is_of_one and len(having) < len(recipes):
        words = f"[{', '.join(each.rows for each in having)}] {words}"
    if setting.takes_several:
        words += " May be given several times."
    flag = setting.option
    if setting.kind == "flag":
        flag += f"/--no-{flag.removeprefix('--')}"
    return click.option(
        flag,
        name,
        cls=SectionedOption,
        section=section,
        help=f"{words} {_default(name, having)}".strip(),
        **_takes(setting),
    )


def _default(name, having):
    """Returns the defaults in words, by kinds of data where they differ."""
    defaults = {r.rows: r.settings[name].default_in_words() for r in having}
    if set(defaults.values()) == {None}:
        return ""
    if len(set(defaults.values())) == 1:
        return f"[default: {next(iter(defaults.values()))}]"
    each = [f"{rows} {value}" for rows, value in defaults.items() if value]
    return f"[default: {'; '.join(each)}]"


def _takes(setting: Setting) -> dict[str, Any]:
    """Returns how click reads a value; a default stays the recipe's own."""
    settings: dict[str, Any] = {"default": None}
    if setting.metavar is not None:
        settings["metavar"] = setting.metavar
    if setting.takes_several:
        settings["multiple"] = True
    if setting.kind in ("whole", "number"):
        settings["type"] = Number(setting)
    elif setting.kind == "choice":
        settings["type"] = click.Choice(setting.among)
    elif setting.kind == "policy":
        settings["type"] = Policy(setting.among)
    elif setting.kind == "pairs":
        settings["callback"] = _read_pairs
    elif setting.name in _LISTED:
        settings["callback"] = _read_listed
    return settings


class Number(click.ParamType):
    """Reads a number in its range; `none` is None where that is allowed.

    Args:
        setting: `Setting`.
    """

    def __init__(self, setting: Setting):
        self.can_be_none = setting.can_be_none
        is_open = setting.above is not None
        least = setting.above if is_open else setting.least
        kind: Any = (
            click.IntRange if setting.kind == "whole" else click.FloatRange
        )
        self._range = kind(
            min=None if least == -math.inf else least,
            max=None if setting.shown_most == math.inf else setting.shown_most,
            min_open=is_open,
        )
        self.name = self._range.name.removesuffix(" range")
        self.metavar = _bounds("N" if setting.kind == "whole" else "X", setting)

    def get_metavar(self, param, ctx=None):
        return self.metavar

    def convert(self, value, param, ctx):
        if self.can_be_none and value == "none":
            return value
        return self._range.convert(value, param, ctx)


def _bounds(letter, setting):
    """Returns a range as the help shows it: `N>=1`, `0<=X<=0.999`."""
    low = f"{letter}>{setting.above:g}" if setting.above is not None else letter
    if setting.least > -math.inf:
        low = f"{letter}>={setting.least:g}"
    if setting.shown_most == math.inf:
        return low
    sign, edge = (
        ("<", setting.above) if setting.above is not None else ("<=", None)
    )
    edge = setting.least if edge is None else edge
    return f"{edge:g}{sign}{letter}<={setting.most:g}"


class Policy(click.ParamType):
    """Reads `NAME` or `NAME:ARGUMENT=VALUE,...` as a policy written down.

    Args:
        among: names of policies.
    """

    name = "policy"

    def __init__(self, among: Sequence[str]):
        self.among = among

    def get_metavar(self, param, ctx=None):
        return "NAME[:ARGUMENT=VALUE,...]"

    def convert(self, value, param, ctx):
        if isinstance(value, dict):
            return value
        name, _, rest = value.partition(":")
        if name not in self.among:
            self.fail(f"{name!r} is not one of {', '.join(self.among)}.")
        pairs = [each.partition("=") for each in rest.split(",") if each]
        if not all(argument and equals for argument, equals, _ in pairs):
            self.fail(
                f"{value!r} must be a name, or a name and its arguments, such "
                "as `ThawOnStall:first_count=2,rate_ratio=0.3`."
            )
        return {"policy": name, **{key: _value(v) for key, _, v in pairs}}


def _value(text):
    """Returns a number where a text is one, or True, False or None."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _read_pairs(context, option, values):
    """Returns COLUMN=KIND words as a dict; a name may have a = in it."""
    pairs = [value.rpartition("=") for value in values]
    if all(column and kind for column, _, kind in pairs):
        return {column: kind for column, _, kind in pairs}
    raise click.BadParameter("it must be COLUMN=KIND, such as `age=number`.")


def _read_listed(context, option, values):
    """Returns the columns of `a,b,c`; a name with a comma is in quotes."""
    return tuple(name.strip() for row in csv.reader(values) for name in row)


def given(context: click.Context, settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of the command line, defaults left out."""
    default = click.core.ParameterSource.DEFAULT
    return {
        name: None if value == "none" and _is_none(context, name) else value
        for name, value in settings.items()
        if context.get_parameter_source(name) is not default
    }


def _is_none(context, name):
    """Whether the word `none` means None for an option."""
    return any(
        getattr(each.type, "can_be_none", False)
        for each in context.command.params
        if each.name == name
    )
