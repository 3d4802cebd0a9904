"""Are the files there that a recipe names beside its data?"""

import pathlib

from aet_keras import _regular_file
from aet_keras.errors import WeightsError
from aet_keras.recipes.written_down import WrittenDown


def check_named_files(recipe: WrittenDown) -> None:
    """Looks at what a run opens late, before the data are read.

    Args:
        recipe: of any kind.

    Raises:
        WeightsError: if weights, a backbone or a vocabulary in a file of its
            own are not there, or are no file.
    """
    weights = getattr(recipe, "weights", None)
    if weights is not None and weights.endswith(".weights.h5"):
        _check(recipe, weights=weights)
    backbone = getattr(recipe, "backbone", None)
    if backbone is None or not backbone.endswith(".keras"):
        return
    _check(recipe, backbone=backbone)
    if recipe.vocabulary is not None:
        _check(recipe, vocabulary=recipe.vocabulary)


def _check(recipe, **named):
    for name, path in named.items():
        if said := _regular_file.why_not(path):  # to open a pipe would wait
            raise WeightsError(
                f"{type(recipe).__name__}: `{name}` must be a file that can "
                f"be read to its end. Received: {path}, which is {said}. "
                f"Check the path; it is relative to {pathlib.Path.cwd()}."
            )
