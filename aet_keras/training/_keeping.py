"""What is left of a run that has to stop?"""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import keras

from aet_keras.callbacks import KeepBest
from aet_keras.errors import TrainingError
from aet_keras.training._classifier import save_classifier

_ADVICE = " Try a lower `learning_rate` (`--learning-rate`)."


@contextlib.contextmanager
def best_kept(
    model: keras.Model, best: KeepBest, out: pathlib.Path
) -> Iterator[None]:
    """Answers Ctrl-C with a `TrainingError`, the best weights being saved."""
    try:
        yield
    except KeyboardInterrupt:
        reason = "the run was interrupted"
        raise _stopped(model, reason, best, out) from None


def check_finished(
    model: keras.Model, best: KeepBest, out: pathlib.Path
) -> None:
    """Raises a `TrainingError` if there is no result that can be trusted."""
    if best.failed:
        raise _stopped(model, best.stopped, best, out, _ADVICE)
    if not best.best_epoch:
        reason = "the validation loss was never a finite number"
        raise _stopped(model, reason, best, out, _ADVICE)


def _stopped(model, reason, best, out, advice=""):
    """Saves the best weights of a run that must stop, and says where."""
    if not best.best_epoch:
        return TrainingError(
            f"Stopped: {reason}. No epoch had ended well before: there was "
            f"nothing to keep.{advice}"
        )
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
