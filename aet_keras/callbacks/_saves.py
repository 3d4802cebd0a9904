"""How is a save written so that a damaged one is never taken for whole?"""

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable

import numpy as np

_ARRAYS, _MANIFEST, _STATE = "arrays.npz", "manifest.json", "state.json"
_VERSION = 1


class Damaged(Exception):
    """Says what is wrong with a save."""


class Saves:
    """Writes and reads the saves of one run, the newest last.

    A save is a folder that is written aside, synced, and then renamed: it is
    there as a whole or not at all. Its manifest holds a SHA-256 of each file.

    Args:
        folder: path.
        keep: int >= 1. How many to keep; those that a kept one leans on stay
            as well.
    """

    def __init__(self, folder: str | os.PathLike, keep: int):
        self.folder = pathlib.Path(folder)
        self.keep = keep

    def names(self) -> list[str]:
        """Lists the saves, oldest first; some may be damaged."""
        return sorted(path.name for path in self.folder.glob("save-*"))

    def write(self, state: dict, *, base: str | None = None) -> str:
        """Adds a save.

        Args:
            state: nested dicts, lists and tuples of numbers, strings and
                arrays.
            base: optional name of the save that it leans on.

        Returns:
            Its name.
        """
        names = self.names()
        number = int(names[-1].split("-")[1]) + 1 if names else 1
        name = f"save-{number:08d}"
        aside = self.folder / f".{name}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        arrays: dict[str, np.ndarray] = {}
        # The base here too: what the manifest says of it has no sum.
        values = {"base": base, "state": _to_json(state, arrays)}
        text = json.dumps(values)
        _synced(aside / _STATE, lambda file: file.write(text.encode()))
        _synced(aside / _ARRAYS, lambda file: np.savez(file, **arrays))
        sums = {each: _sum(aside / each) for each in (_STATE, _ARRAYS)}
        manifest = {"version": _VERSION, "base": base, "sums": sums}
        text = json.dumps(manifest)
        _synced(aside / _MANIFEST, lambda file: file.write(text.encode()))
        _sync_folder(aside)
        aside.rename(self.folder / name)
        _sync_folder(self.folder)
        self._prune()
        return name

    def read(self, name: str) -> dict:
        """Returns the state of a save.

        Raises:
            Damaged: if it, or the one it leans on, is not whole.
        """
        manifest = self._checked(name)
        if manifest["base"]:
            self._checked(manifest["base"])
        path = self.folder / name
        values = json.loads((path / _STATE).read_text())
        if values["base"] != manifest["base"]:
            raise Damaged(f"{name}: the manifest is not what was written")
        with np.load(path / _ARRAYS, allow_pickle=False) as arrays:
            return _from_json(values["state"], arrays)

    def base(self, name: str) -> str | None:
        """Returns the name of the save that a whole one leans on."""
        return self._manifest(name)["base"]

    def _checked(self, name):
        manifest = self._manifest(name)
        for each, expected in manifest["sums"].items():
            path = self.folder / name / each
            if not path.exists():
                raise Damaged(f"{name} lacks {each}")
            if _sum(path) != expected:
                raise Damaged(f"{name}: {each} is not what was written")
        return manifest

    def _manifest(self, name):
        try:
            text = (self.folder / name / _MANIFEST).read_text()
            manifest = json.loads(text)
            is_known = manifest["version"] == _VERSION
            is_whole = set(manifest["sums"]) == {_ARRAYS, _STATE}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{name}: no manifest can be read") from error
        if not (is_known and is_whole and "base" in manifest):
            raise Damaged(f"{name}: the manifest is not what was written")
        return manifest

    def _prune(self):
        names = self.names()
        kept = set(names[-self.keep :])
        for name in list(kept):
            try:
                kept.add(self.base(name))
            except Damaged:
                continue
        for name in names:
            if name not in kept:
                shutil.rmtree(self.folder / name)


def _synced(path, write: Callable):
    with open(path, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_json(value, arrays):
    """Returns a value as JSON takes it; arrays go to the dict `arrays`."""
    if isinstance(value, dict):
        pairs = [[k, _to_json(v, arrays)] for k, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, tuple):
        return {"tuple": [_to_json(each, arrays) for each in value]}
    if isinstance(value, list):
        return [_to_json(each, arrays) for each in value]
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value.view("uint8") if _is_new(value) else value
        return {"array": name, "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    return value


def _from_json(value, arrays):
    if isinstance(value, list):
        return [_from_json(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        dtype = np.dtype(value["dtype"])
        return array if array.dtype == dtype else array.view(dtype)
    if "tuple" in value:
        return tuple(_from_json(each, arrays) for each in value["tuple"])
    return {key: _from_json(each, arrays) for key, each in value["dict"]}


def _is_new(array):
    """Says whether NumPy writes a dtype (bfloat16, ...) as raw bytes."""
    return array.dtype.kind == "V"
