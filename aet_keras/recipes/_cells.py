"""What may a recipe say of the cells of a file?"""

import dataclasses
from typing import Any

from aet_keras import _check as check

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
        from aet_keras.data import _days  # late: the room loads Keras

        _days.check_date_format(check.owner_name(recipe), each)
    decimal = getattr(recipe, "decimal", None)
    if decimal is not None:
        check.one_of(recipe, decimal=decimal, among=(".", ","))
