"""Saves a run of one process, so that the same command goes on with it."""

import contextlib
import json
import os
import pathlib
import shutil
import weakref
from collections.abc import Iterator

import keras
import numpy as np
import xxhash

from aet_keras._cluster import here
from aet_keras._lock import InUse, Lock
from aet_keras._optional import versions
from aet_keras.callbacks import ElasticCheckpoint
from aet_keras.data import Dataset, Split
from aet_keras.data.streamed_images import StreamedImages
from aet_keras.drift.model_outputs import sum_of_weights
from aet_keras.errors import TrainingError
from aet_keras.recipes.base_recipe import BaseRecipe

FOLDER = ".saves"  # in OUT; no server takes it for a version
_SAVES = "epochs"  # in the folder of a run, which is locked while it goes on
LEAST_SECONDS = 30.0  # between saves: a shorter run writes none
_CHUNK = 1000  # rows; all of a file of arrays may be more than memory holds


class SavedRun:
    """Lets a run that was killed go on, if it is proved to be the same.

    It is the same if its recipe, its data, the weights that it begins with and
    the versions of the packages are. Runs with a teacher or rows without labels
    are not saved: what they learn from is not in the sum. Workers of a cluster
    are saved together, by `SharedRun`.

    Args:
        recipe: what is run.
        out: path of the folder that the run publishes in.
    """

    def __init__(self, recipe: BaseRecipe, out: pathlib.Path):
        self._recipe, self._home = recipe, out / FOLDER
        self._is_out_new = not out.exists()
        self.folder: pathlib.Path | None = None  # where it is saved, if it is
        self.notes: list[str] = []  # sentences for the report
        self._lock: Lock | None = None

    def introduce(self, dataset: Dataset, model: keras.Model) -> Iterator[str]:
        """Yields what a person should know before the run begins.

        Args:
            dataset: `data.Dataset`, as it was read.
            model: `keras.Model`, as it was built: a file of weights that the
                recipe names may be another one now.
        """
        if here().is_several or not _is_repeated(self._recipe):
            return
        folder = self._home / _sum_of(self._recipe, dataset, model)
        if _is_in_use(folder):
            yield "Another process has the same run: this one is not saved."
            return
        self.folder = folder
        if self._has_saves:
            self.notes.append(
                "The run was interrupted, and went on from its last save."
            )
            yield (
                "The same run was interrupted before: it goes on from its last "
                f"save. To begin anew, remove `{folder}`."
            )

    def begin(self) -> list[keras.callbacks.Callback]:
        """Returns what saves the run, which no other process saves now."""
        if self.folder is None or not self._is_taken():
            self.folder = None
            return []
        saves = self.folder / _SAVES
        return [ElasticCheckpoint(saves, least_seconds=LEAST_SECONDS)]

    def _is_taken(self):
        this = weakref.ref(self)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.folder, lambda: this() is not None)
        except (InUse, OSError):  # or it cannot be written: it trains anyway
            return False
        return True

    @property
    def advice(self) -> str:
        """What a person can do after the run was interrupted."""
        if not self._has_saves:
            return ""
        return " The same command goes on from its last save."

    @contextlib.contextmanager
    def ended(self) -> Iterator[None]:
        """Removes saves that nobody needs: of a run that has published."""
        try:
            yield
        except TrainingError:  # it would end in the same way again
            _remove(self.folder)
            raise
        finally:
            if self._lock is not None:
                self._lock.release()
            if not self._has_saves:
                _remove(self.folder)
            self._remove_empty_home()
        for folder in self._home.glob("*"):
            if not _is_in_use(folder):
                _remove(folder)
        self._remove_empty_home()

    def _remove_empty_home(self):
        _remove_empty(self._home)
        if self._is_out_new:  # a run that leaves nothing leaves no folder
            _remove_empty(self._home.parent)

    @property
    def _has_saves(self):
        folder = self.folder
        return folder is not None and any((folder / _SAVES).glob("save-*"))


def _is_repeated(recipe):
    """Says whether the same recipe learns from the same bits again."""
    given = [getattr(recipe, name, None) for name in ("teacher", "unlabelled")]
    return given == [None, None]


def _is_in_use(folder):
    if not folder.is_dir():
        return False
    with contextlib.suppress(OSError):
        try:
            Lock(folder, lambda: True).release()
        except InUse:
            return True
    return False


def _remove(folder):
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_empty(folder):
    with contextlib.suppress(OSError):  # it is not there, or not empty
        os.rmdir(folder)


def _sum_of(recipe, dataset, model):
    """Returns what tells a run from all others."""
    made = xxhash.xxh3_128()
    about = [
        recipe.to_json(),
        versions(),
        repr(dataset.specification),
        sum_of_weights(model),
    ]
    made.update(json.dumps(about, sort_keys=True, default=str).encode())
    for split in (dataset.train, dataset.validation, dataset.test):
        for part in _parts_of(split):
            made.update(part)
    return made.hexdigest()


def _parts_of(split: Split) -> Iterator[bytes]:
    for column in keras.tree.flatten(split.inputs):
        if isinstance(column, StreamedImages):
            column = column.sums  # of their pixels: they need not be decoded
        yield from _bytes_of(column)
    yield from _bytes_of(split.labels)


def _bytes_of(column):
    yield f"{column.dtype}{column.shape}".encode()
    for start in range(0, len(column), _CHUNK):
        rows = np.asarray(column[start : start + _CHUNK])
        if rows.dtype == object:  # texts
            yield json.dumps(rows.tolist(), default=repr).encode()
        else:
            yield np.ascontiguousarray(rows).tobytes()
