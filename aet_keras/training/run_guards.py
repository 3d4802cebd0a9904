"""Checks what a run needs, and keeps its weights when it has to stop."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import keras

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras.callbacks import KeepBest
from aet_keras.errors import (
    AetError,
    ExportError,
    TrainingError,
    WeightsError,
)
from aet_keras.publishing import data_kind, publication, version_folder
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
    is_new = getattr(recipe, "from_", None) is None
    if is_new and weights is not None and weights.endswith(".weights.h5"):
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


def check_out(out: pathlib.Path, kind: str) -> None:
    """Looks at a folder to publish in, before the data are read.

    TensorFlow reads a SavedModel by a pattern of paths: it would be written,
    and not found.

    Args:
        out: path as the user gave it.
        kind: str. The kind of data that the run is on.

    Raises:
        ExportError: if no version in it could be loaded, it is one, or the
            newest one in it is of another kind of data.
    """
    signs = [sign for sign in "[\\" if sign in str(out)]
    if signs and os.name == "posix":
        raise ExportError(
            f"fit: the path of `out` (`--out`) must be without `{signs[0]}`, "
            "because TensorFlow takes it for a pattern and does not find the "
            f"model. Received: {out}. Name another folder."
        )
    if version_folder.is_version(out):
        raise ExportError(
            "fit: `out` (`--out`) must be a folder of versions, because the "
            f"next one is published beside it. Received: {out}, a version. "
            f"Name {out.parent}."
        )
    earlier = _kind_in(out)
    if earlier not in (None, kind):
        raise ExportError(
            "fit: `out` (`--out`) must be the folder of one kind of data, "
            "because clients ask its newest version as they did the one "
            f"before. Received: {out}, with a model of the kind `{earlier}` "
            f"where this one is of the kind `{kind}`. Name another folder."
        )


def _kind_in(out):
    """Returns the kind of data of the newest version; None without one."""
    try:
        return data_kind.written_kind(publication.newest_version(out), "fit")
    except (AetError, OSError, ValueError):
        return None  # what is damaged is no reason to refuse a new version


def _check(recipe, **named):
    for name, path in named.items():
        must = f"`{name}` must be a file that can be read to its end"
        must = f"{type(recipe).__name__}: {must}"
        _regular_file.require(must, path, error=WeightsError)


_ADVICE = " Try a lower `learning_rate` (`--learning-rate`)."


@dataclasses.dataclass
class Learned:
    """Holds what is kept of a run that has to stop.

    Args:
        model: `keras.Model` of the run.
        best: `KeepBest`, which has its best weights while it trains.
        out: path of the folder that the run publishes in.
        writes: bool. Whether this process writes; of several workers one.
        is_trained: bool. Whether the model is what training left.
        is_kept: bool. Whether `keep` was called.
    """

    model: keras.Model
    best: KeepBest
    out: pathlib.Path
    writes: bool = True
    is_trained: bool = False
    is_kept: bool = False

    def trained(self, model: keras.Model) -> None:
        """Takes the model that training left; later steps may change it.

        From here on it is kept as it is. The weights of the best epoch would
        lack what came after it, and adapters may be merged by then.
        """
        self.model, self.is_trained = model, True

    def keep(self) -> str | None:
        """Saves it, and says what is kept and where; None if there is nothing.

        A full disk may be the reason why the run stops: then the folder for
        temporary files is tried.
        """
        self.is_kept = True
        if not self.writes or not (self.is_trained or self.best.best_epoch):
            return None
        if not self.is_trained:
            self.best.restore()
        try:
            path = _save(self.model, self.out)
        except OSError:
            path = _save(self.model, pathlib.Path(tempfile.mkdtemp()))
        what = "The trained weights are kept"
        if not self.is_trained:
            what = f"The weights of epoch {self.best.best_epoch}, the best so "
            what += "far, are kept"
        return f"{what} in `{path}`."


def _save(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".interrupted-{os.getpid()}.keras"
    try:
        save_classifier(model, aside)
        os.replace(aside, folder / "interrupted.keras")
    finally:
        aside.unlink(missing_ok=True)
    return folder / "interrupted.keras"


@contextlib.contextmanager
def best_kept(
    model: keras.Model,
    best: KeepBest,
    out: pathlib.Path,
    *,
    writes: bool = True,
    advice: Callable[[], str] = str,
) -> Iterator[Learned]:
    """Saves what was learned if the run inside has to stop.

    Ctrl-C becomes a `TrainingError` that says where. Another exception comes
    through, with a note on where.

    Args:
        model: `keras.Model` of the run.
        best: `KeepBest` of the run.
        out: path of the folder that the run publishes in.
        writes: bool. Of several workers one writes.
        advice: function that returns what a person can do then, or "".
    """
    learned = Learned(model, best, out, writes)
    try:
        yield learned
    except KeyboardInterrupt:
        reason = "the run was interrupted"
        raise _stopped(learned, reason, advice()) from None
    except Exception as error:
        note = None if learned.is_kept else _kept_of_failure(learned)
        said = f"{note or ''}{advice()}".strip()
        if said:
            error.add_note(said)
        raise


def _kept_of_failure(learned):
    """Saves what was learned; whatever prevents it, the failure counts."""
    try:
        return learned.keep()
    except Exception as error:
        reason = check.first_line(error)
        return f"What was learned could not be kept: {reason}."


def check_finished(learned: Learned) -> None:
    """Raises a `TrainingError` if there is no result that can be trusted."""
    best = learned.best
    if best.failed:
        raise _stopped(learned, best.stopped, _ADVICE)
    if not best.best_epoch:
        reason = "the validation loss was never a finite number"
        raise _stopped(learned, reason, _ADVICE)


def _stopped(learned, reason, advice=""):
    """Saves what was learned by a run that must stop, and says where."""
    kept = learned.keep()
    if kept is None and learned.writes:
        kept = "No epoch had ended well before: there was nothing to keep."
    return TrainingError(f"Stopped: {reason}. {kept or ''}".rstrip() + advice)


def save_classifier(model: keras.Model, path: str | os.PathLike) -> None:
    """Saves the same layers in a model that is not compiled.

    The optimizer knows weights that are frozen at the end; Keras would build
    it on the trainable ones when the file is loaded, and warn.
    """
    keras.Model(model.input, model.output, name=model.name).save(path)
