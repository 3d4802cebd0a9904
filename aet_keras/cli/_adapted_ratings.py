"""Reads ratings that a published recommender is adapted to."""

import pathlib
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from aet_keras._progress import listening, report
from aet_keras.cli import _new_rows
from aet_keras.cli._display import ProgressBar
from aet_keras.data.new_ratings import read_new_ratings
from aet_keras.errors import ExportError
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.adapt_recommender import (
    adapt_recommender,
    incoming_of,
)
from aet_keras.training.adapt_version import AdaptedVersion
from aet_keras.training.incoming import Incoming
from aet_keras.training.rating_archive import kept_ratings

_OWNER = "adapt"


def adapt_to_ratings(
    folder: pathlib.Path,
    version: pathlib.Path,
    what: Sequence[str],
    *,
    settings: dict[str, Any],
    find_done: Callable[[Incoming], str | None],
    say: Callable[[str], None],
) -> tuple[AdaptedVersion | str, Incoming]:
    """Adapts the newest version of a recommender to ratings of files.

    Args:
        folder: `saved_models/NAME`.
        version: its newest version.
        what: files of ratings.
        settings: dict of the options of the command.
        find_done: of new ratings; returns the outcome where they were
            adapted to before.
        say: function that is told what a person should know.

    Returns:
        `AdaptedVersion`, or the outcome of before; and the new ratings.
    """
    _check_settings(settings)
    recipe: Any = load_recipe(version / "recipe.json")
    report("reading old ratings")
    known = kept_ratings(version)
    if not known.specification.has_ratings:
        raise ExportError(_anew(folder, version, what, recipe))
    encoding = settings["encoding"] or recipe.encoding
    new = read_new_ratings(
        what,
        known.specification,
        user=recipe.user,
        item=recipe.item,
        rating=recipe.rating,
        time=recipe.time,
        missing=recipe.missing,
        decimal=recipe.decimal,
        date_formats=recipe.date_formats or (),
        encoding=encoding,
    )
    for note in new.notes:
        say(note)
    incoming = incoming_of(new)
    done = find_done(incoming)
    if done is not None:
        return done, incoming
    model = _new_rows.load_model(version)
    bar = ProgressBar()
    try:
        with listening(bar):
            found = adapt_recommender(
                version,
                model,
                known,
                new,
                is_candidate=settings["candidate_only"],
                forgets_at_most=settings["forgets_at_most"],
            )
    finally:
        bar.close()
    return found, incoming


def _check_settings(settings):
    odd = [name for name in ("labels", "labelled", "old") if settings[name]]
    if odd:
        raise ValueError(
            f"{_OWNER}: `--{odd[0]}` must be left out for ratings, because "
            "their rows have the ratings with them, and the old ones are kept "
            "with the model. Received: a model of ratings. Leave it out."
        )
    if settings["seed"] is not None:
        raise ValueError(
            f"{_OWNER}: `--seed` must be left out for ratings, because nothing "
            f"of them is drawn. Received: --seed {settings['seed']}. Leave it "
            "out."
        )


def _anew(folder, version, what, recipe):
    """Says how a model of interactions learns new users, and what it cannot."""
    command = ["aet-keras", "fit", what[0], "--user", recipe.user]
    command += ["--item", recipe.item]
    if recipe.time is not None:
        command += ["--time", recipe.time]
    command += ["--from", str(folder), "--out", str(folder)]
    return (
        f"{_OWNER}: FOLDER must hold a model of ratings, because what a user "
        "met is no number that an answer could be measured by. Received: "
        f"{version}, of interactions. New users are learned by `"
        f"{shlex.join(command)}`; what known users met since needs all rows, "
        "by the same command without `--from`."
    )
