"""Checks what a run needs, and keeps its weights when it has to stop."""

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator

import keras

from aet_keras import _regular_file
from aet_keras.callbacks import KeepBest
from aet_keras.errors import TrainingError, WeightsError
from aet_keras.recipes.base_recipe import BaseRecipe


def check_named_files(recipe: BaseRecipe) -> None:
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
    teacher = getattr(recipe, "teacher", None)
    if teacher is not None and teacher.endswith(".keras"):
        _check(recipe, teacher=teacher)
    backbone = getattr(recipe, "backbone", None)
    if backbone is None or not backbone.endswith(".keras"):
        return
    _check(recipe, backbone=backbone)
    vocabulary = getattr(recipe, "vocabulary", None)
    if vocabulary is not None:
        _check(recipe, vocabulary=vocabulary)


def _check(recipe, **named):
    for name, path in named.items():
        must = f"`{name}` must be a file that can be read to its end"
        must = f"{type(recipe).__name__}: {must}"
        _regular_file.require(must, path, error=WeightsError)


_ADVICE = " Try a lower `learning_rate` (`--learning-rate`)."


@contextlib.contextmanager
def best_kept(
    model: keras.Model,
    best: KeepBest,
    out: pathlib.Path,
    *,
    writes: bool = True,
    advice: Callable[[], str] = str,
) -> Iterator[None]:
    """Answers Ctrl-C with a `TrainingError`, the best weights being saved.

    Of several workers one `writes`; `advice` returns what a person can do.
    """
    try:
        yield
    except KeyboardInterrupt:
        reason = "the run was interrupted"
        raise _stopped(
            model, reason, best, out, advice(), writes=writes
        ) from None


def check_finished(
    model: keras.Model,
    best: KeepBest,
    out: pathlib.Path,
    *,
    writes: bool = True,
) -> None:
    """Raises a `TrainingError` if there is no result that can be trusted."""
    if best.failed:
        raise _stopped(model, best.stopped, best, out, _ADVICE, writes=writes)
    if not best.best_epoch:
        reason = "the validation loss was never a finite number"
        raise _stopped(model, reason, best, out, _ADVICE, writes=writes)


def _stopped(model, reason, best, out, advice="", *, writes):
    """Saves the best weights of a run that must stop, and says where."""
    if not best.best_epoch:
        return TrainingError(
            f"Stopped: {reason}. No epoch had ended well before: there was "
            f"nothing to keep.{advice}"
        )
    if not writes:
        return TrainingError(f"Stopped: {reason}.{advice}")
    best.restore()
    out.mkdir(parents=True, exist_ok=True)
    aside = out / f".interrupted-{os.getpid()}.keras"
    try:
        save_classifier(model, aside)
        os.replace(aside, out / "interrupted.keras")
    finally:
        aside.unlink(missing_ok=True)
    return TrainingError(
        f"Stopped: {reason}. The weights of epoch {best.best_epoch}, the best "
        f"so far, are kept in `{out / 'interrupted.keras'}`.{advice}"
    )


def save_classifier(model: keras.Model, path: str | os.PathLike) -> None:
    """Saves the same layers in a model that is not compiled.

    The optimizer knows weights that are frozen at the end; Keras would build
    it on the trainable ones when the file is loaded, and warn.
    """
    keras.Model(model.input, model.output, name=model.name).save(path)
