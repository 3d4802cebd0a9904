"""Writes saves so that a damaged one is never taken for whole."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import uuid

import numpy as np

from aet_keras._files import flush, sha256, write_flushed
from aet_keras.callbacks import _save_values

_ARRAYS, _MANIFEST, _STATE = "arrays.npz", "manifest.json", "state.json"
_FORMAT = 3
_LEANING = 1  # the format of 0.9.0, whose saves may lean on another one
# All other names are foreign. One of eight nines may be: nine digits follow.
_NAME = re.compile("save-([0-9]{8}|[1-9][0-9]{8,})")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
_ASIDE = re.compile(r"\.save-[0-9]{8,}(-[0-9a-f]{8})?")


class Damaged(Exception):
    """Says what is wrong with a save."""


@dataclasses.dataclass(frozen=True)
class Save:
    """What one save holds.

    Args:
        name: str.
        format: int. 1 of 0.9.0, 2 of 0.10.0, 3 since.
        state: dict. What was known when it was written.
        start: optional dict. What was known when the epoch began, of a save
            in the middle of one.
    """

    name: str
    format: int
    state: dict
    start: dict | None = None


class Saves:
    """Writes and reads the saves of one run, the newest last.

    A save is a folder that is written aside, synced, and then renamed: it is
    there as a whole or not at all. Its manifest holds a SHA-256 of each file.
    Each save stands alone, and other names in the folder are left alone.

    Args:
        folder: path.
        keep: int >= 1. How many whole ones to keep.
    """

    def __init__(self, folder: str | os.PathLike, keep: int):
        self.folder = pathlib.Path(folder)
        self.keep = keep
        self._whole: set[str] = set()
        self._damaged: dict[str, str] = {}

    def names(self) -> list[str]:
        """Lists the saves, oldest first; some may be damaged."""
        try:
            found = os.listdir(self.folder)
        except OSError:  # there is none, or none that can be read
            return []
        saves = [
            name
            for name in found
            if _NAME.fullmatch(name) and os.path.isdir(self.folder / name)
        ]
        return sorted(saves, key=_number)

    def check_writable(self) -> None:
        """Makes the folder and writes a file, to see whether that works.

        Permission bits say little to an administrator, or about a disk that
        is mounted for reading.

        Raises:
            OSError: if nothing can be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f".probe-{uuid.uuid4().hex}"
        try:
            write_flushed(probe, lambda file: file.write(b"written"))
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)

    def write(self, state: dict, *, start: dict | None = None) -> str:
        """Adds a save; `prune` removes older ones.

        Args:
            state: nested dicts, lists and tuples of numbers, strings and
                arrays. Arrays of the same bytes are written once.
            start: optional, likewise: what was known at the epoch's start.

        Returns:
            Its name.

        Raises:
            OSError: if it cannot be written; nothing is left behind.
        """
        name = self._new_name()
        aside = self.folder / f".{name}-{uuid.uuid4().hex[:8]}"
        try:
            aside.mkdir(parents=True)
            self._write(aside, state, start)
            aside.rename(self.folder / name)
        except ValueError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None  # closing an archive hid it
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        flush(self.folder)
        self._whole.add(name)
        return name

    def read(self, name: str) -> Save:
        """Returns a save.

        Raises:
            Damaged: if it is not whole.
        """
        try:
            found = self._read(name)
        except _UNREADABLE as error:
            raise Damaged(f"{name} cannot be read ({error})") from error
        self._whole.add(name)
        return found

    def newest(self) -> tuple[Save | None, list[str]]:
        """Returns the newest whole save, and what is wrong with newer ones."""
        sentences: list[str] = []
        for name in reversed(self.names()):
            try:
                return self.read(name), sentences
            except Damaged as error:
                self._damaged[name] = str(error)
                sentences.append(str(error))
        return None, sentences

    def prune(self) -> None:
        """Removes whole saves that are older than the `keep` newest.

        Those count that were written or read by now. A damaged save is never
        removed: it may hold what somebody can still use.

        Raises:
            OSError: if one cannot be removed.
        """
        names = self.names()
        kept = [name for name in names if name in self._whole][-self.keep :]
        if not kept:
            return
        leant_on = {self._leans_on(name) for name in kept}
        # The newest first: those of 0.9.0 lean on older ones.
        for name in reversed(names[: names.index(kept[0])]):
            if name not in leant_on and self._is_whole(name):
                aside = self.folder / f".{name}-{uuid.uuid4().hex[:8]}"
                (self.folder / name).rename(aside)  # never seen in halves
                shutil.rmtree(aside)

    def sweep(self) -> None:
        """Removes what a killed run left half-written; needs the lock."""
        for name in os.listdir(self.folder):
            if _ASIDE.fullmatch(name):
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def _write(self, folder, state, start):
        arrays: dict[str, np.ndarray] = {}
        values = {"state": _save_values.to_json(state, arrays)}
        if start is not None:
            values["start"] = _save_values.to_json(start, arrays)
        arrays, places = _save_values.without_copies(arrays)
        values["arrays"] = places
        text = json.dumps(values)
        write_flushed(folder / _STATE, lambda file: file.write(text.encode()))
        write_flushed(folder / _ARRAYS, lambda file: np.savez(file, **arrays))
        sums = {each: sha256(folder / each) for each in (_STATE, _ARRAYS)}
        text = json.dumps({"version": _FORMAT, "sums": sums})
        write_flushed(
            folder / _MANIFEST, lambda file: file.write(text.encode())
        )
        flush(folder)

    def _new_name(self):
        """Returns a name that nothing has, be it a save or not."""
        taken = [0]
        if self.folder.is_dir():
            found = map(_NAME.fullmatch, os.listdir(self.folder))
            taken += [int(each[1]) for each in found if each]
        return f"save-{max(taken) + 1:08d}"

    def _read(self, name):
        number, values, base = self._checked(name)
        with np.load(
            self.folder / name / _ARRAYS, allow_pickle=False
        ) as arrays:
            if number == _LEANING:
                state = _save_values.from_json(values["state"], arrays)
                start = base and self._read(base).state
                return Save(name, number, state, start)
            known = {
                name: arrays[kept] for name, kept in values["arrays"].items()
            }
        start = values.get("start")
        return Save(
            name,
            number,
            _save_values.from_json(values["state"], known),
            start and _save_values.from_json(start, known),
        )

    def _checked(self, name):
        """Returns the format of a whole save, its values and its base."""
        manifest = self._manifest(name)
        for each, expected in manifest["sums"].items():
            path = self.folder / name / each
            if not path.is_file():
                raise Damaged(f"{name} lacks {each}")
            if sha256(path) != expected:
                raise Damaged(f"{name}: {each} is not what was written")
        values = json.loads((self.folder / name / _STATE).read_text())
        base = values.get("base")
        if manifest.get("base") != base:
            raise Damaged(f"{name}: the manifest is not what was written")
        if base:
            self._checked(base)
        return manifest["version"], values, base

    def _manifest(self, name):
        path = self.folder / name / _MANIFEST
        if not path.is_file():
            raise Damaged(f"{name}: no manifest can be read")
        try:
            manifest = json.loads(path.read_text())
            number = manifest["version"]
            is_whole = set(manifest["sums"]) == {_ARRAYS, _STATE}
        except _UNREADABLE as error:
            raise Damaged(f"{name}: no manifest can be read") from error
        if is_whole and isinstance(number, int) and number > _FORMAT:
            raise Damaged(
                f"{name} was written by a later version of aet-keras (format "
                f"{number}; this version reads 1 to {_FORMAT})"
            )
        if not is_whole or number not in range(_LEANING, _FORMAT + 1):
            raise Damaged(f"{name}: the manifest is not what was written")
        return manifest

    def _is_whole(self, name):
        if name not in self._whole and name not in self._damaged:
            try:
                self._checked(name)
                self._whole.add(name)
            except (Damaged, *_UNREADABLE) as error:
                self._damaged[name] = str(error)
        return name in self._whole

    def _leans_on(self, name):
        """Returns the save of 0.9.0 that one of 0.9.0 leans on, or None."""
        with contextlib.suppress(Damaged):
            return self._manifest(name).get("base")


def _number(name):
    return int(_NAME.fullmatch(name)[1])
