"""Declares the settings that recipes of several kinds of data have."""

import dataclasses
from typing import Any

from aet_keras import _check as check
from aet_keras.recipes.setting import setting

MOST_COUNT = 2**31 - 1  # what an int32 holds
MOST_SEED = 2**32 - 1  # what NumPy takes

# Those that write the rate too would disagree with the policy of the rate.
THAW_POLICIES = (
    "AttendToGradients",
    "FreezeSettled",
    "FreezeSlow",
    "FreezeWhenItPays",
    "ThawAll",
    "ThawOnSchedule",
    "ThawOnStall",
)
CLASS_WEIGHTS = ("balanced",)
RATE_POLICIES = ("AdaptToNoise", "AdaptToTrend", "DecayOnStall", "WarmupCosine")


def backbone(value: str) -> Any:
    """Returns the field of the pretrained model."""
    return setting(
        value,
        "An image model of keras.applications by name, or `embedded`; for "
        "texts a preset of KerasHub, the folder of one, or FILE.keras.",
    )


def epochs(value: int) -> Any:
    """Returns the field of the epochs."""
    return setting(value, "The most there will be.", "whole", least=1)


def batch_size(value: int | None, default: str | None = None) -> Any:
    """Returns the field of the rows in a step."""
    return setting(value, "Rows in a step.", "whole", least=1, default=default)


def learning_rate(value: float | None, default: str | None = None) -> Any:
    """Returns the field of the head's rate."""
    return setting(
        value,
        "The head's, for Adam; of tables the network's.",
        "number",
        above=0,
        default=default,
    )


def dropout(value: float) -> Any:
    """Returns the field of dropout."""
    return setting(
        value,
        "Share of the features that are dropped at random before the head, "
        "of tables within the network.",
        "number",
        least=0,
        most=0.999,
    )


def thaw(default: str) -> Any:
    """Returns the field of the policy that thaws groups."""
    return setting(
        None,
        "When groups of the backbone thaw.",
        "policy",
        among=THAW_POLICIES,
        default=default,
    )


def rate(default: str) -> Any:
    """Returns the field of the policy of the rate."""
    return setting(
        None,
        "How the learning rate goes.",
        "policy",
        among=RATE_POLICIES,
        default=default,
    )


def anchor_strength(value: float | None) -> Any:
    """Returns the field of the anchor."""
    return setting(
        value,
        "How firmly the backbone is held where it was; of tables the earlier "
        "model of --from.",
        "number",
        above=0,
        default=None if value else "not held",
    )


def class_weight() -> Any:
    """Returns the field of what each class counts."""
    return setting(
        None,
        "Let each class count the same, however many rows it has.",
        "choice",
        among=CLASS_WEIGHTS,
        default="each row counts the same",
    )


def from_() -> Any:
    """Returns the field of the earlier model."""
    return setting(
        None,
        "saved_models/OLD, an earlier model of the same columns, which is "
        "adapted to these rows; of ratings, one that learns the users it "
        "does not know, and nothing else.",
        metavar="FOLDER",
        default="a new model",
    )


def missing() -> Any:
    """Returns the field of the words that mean a missing cell."""
    return setting(
        None,
        "Means a missing cell or label, beside an empty one.",
        "words",
        metavar="WORD",
        default="NaN, NULL, N/A, #N/A, <NA> and the like; of numbers and "
        "dates also ?, -, NA, None, unknown",
    )


def decimal() -> Any:
    """Returns the field of the sign before the decimals."""
    return setting(
        None,
        "Sign before the decimals, where no cell shows which one it is.",
        "choice",
        among=(".", ","),
        default="what the cells show",
    )


def date_formats() -> Any:
    """Returns the field of how dates are written."""
    return setting(
        None,
        "How dates are written, such as %d.%m.%Y.",
        "words",
        option="--date-format",
        metavar="FORMAT",
        default="what the cells show",
    )


def validation_ratio() -> Any:
    """Returns the field of the share that decisions are made on."""
    return setting(
        0.15,
        "Share of the rows that decisions are made on, if the data has no "
        "such split of its own.",
        "number",
        above=0,
        most=1,
    )


def test_ratio() -> Any:
    """Returns the field of the share that is only measured."""
    return setting(
        0.15,
        "Share of the rows that the report is measured on, likewise.",
        "number",
        above=0,
        most=1,
    )


def seed() -> Any:
    """Returns the field of the seed."""
    return setting(
        0, "Of the splits, the start, and the order.", "whole", least=0
    )


def encoding(value: str) -> Any:
    """Returns the field of how files are written down."""
    return setting(
        value,
        "How a file, or texts, are written down, such as utf-8 or cp1252; auto "
        "looks at the bytes.",
    )


_LISTS = ("missing", "date_formats")


def check_cells(recipe: Any) -> None:
    """Raises unless what a recipe says of cells can be meant.

    Lists become tuples, so that a recipe stays what it was made as.

    Args:
        recipe: with some of `missing`, `decimal` and `date_formats`.

    Raises:
        TypeError: if a list holds anything but str.
        ValueError: if a sign or a format is not known.
    """
    names = [field.name for field in dataclasses.fields(recipe)]
    for name in _LISTS:
        given = getattr(recipe, name, None)
        if given is None or name not in names:
            continue
        check.instance(recipe, of=list | tuple, **{name: given})
        for each in given:
            check.instance(recipe, of=str, **{name: each})
        object.__setattr__(recipe, name, tuple(given))
    for each in getattr(recipe, "date_formats", None) or ():
        from aet_keras.data import date_cells  # late: the room loads Keras

        date_cells.check_date_format(check.owner_name(recipe), each)
    decimal = getattr(recipe, "decimal", None)
    if decimal is not None:
        check.one_of(recipe, decimal=decimal, among=(".", ","))
