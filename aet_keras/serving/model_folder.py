"""Keeps the newest version of a published folder in memory."""

import contextlib
import gc
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aet_keras.errors import ExportError
from aet_keras.publishing import newest_version, version_folder
from aet_keras.serving._refusals import first_line
from aet_keras.serving.loaded_version import LoadedVersion, load_version


@dataclass(frozen=True)
class VersionStatus:
    """Holds the state of a version, in TensorFlow Serving's words.

    Args:
        state: str. `LOADING`, `AVAILABLE`, `UNLOADING` or `END`.
        error_code: str. `OK`, or why it is not served.
        error_message: str. The reason in words.
    """

    state: str
    error_code: str = "OK"
    error_message: str = ""


class ModelFolder:
    """Keeps the newest version of a published folder in memory.

    The version with the highest number is loaded, and the signatures that
    clients used are called once. Then it replaces the version before, which
    still answers the requests that it has, and the other signatures are
    called. If a version cannot be loaded or does not answer, `say` is told,
    and the version before stays or returns. If the folder of the served
    version is removed, the highest that is left is served; if none is left,
    the version stays in memory.

    Args:
        folder: str or path-like. `saved_models/NAME`; the model is called
            NAME.
        say: function that is called with a sentence for a person.

    Raises:
        ExportError: if the folder holds no version that can be served.

    Example:

    >>> import tempfile
    >>> from aet_keras.serving.model_folder import ModelFolder
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> def write(directory):
    ...     aet_keras.export.write_image_model(
    ...         model, directory, class_names=["hat", "shoe"]
    ...     )
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = aet_keras.publishing.publish(f"{home}/clothes", write)
    ...     folder = ModelFolder(f"{home}/clothes")
    ...     _ = aet_keras.publishing.publish(f"{home}/clothes", write)
    ...     before = folder.current.number
    ...     folder.refresh()
    >>> folder.name, before, folder.current.number
    ('clothes', 1, 2)
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        say: Callable[[str], None] = lambda sentence: None,
    ):
        self.folder = Path(folder).resolve()
        self.say = say
        self.statuses: dict[int, VersionStatus] = {}
        self._current: LoadedVersion | None = None
        self._is_loading = False
        self._seen: dict[int, Any] = {}  # fingerprints of what was tried
        newest_version(self.folder)
        self.refresh()
        if self._current is None:
            status = self.statuses[max(self.statuses)]
            raise ExportError(status.error_message)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    @property
    def current(self) -> LoadedVersion:
        """The version that is served; keep it for a whole request."""
        assert self._current is not None  # or `__init__` has raised
        return self._current

    @property
    def is_loading(self) -> bool:
        """Whether another version is being loaded."""
        return self._is_loading

    def refresh(self) -> None:
        """Looks at the folder once, and serves another version if needed."""
        found = version_folder.versions(self.folder)
        self._seen = {k: v for k, v in self._seen.items() if k in found}
        for number in sorted(found, reverse=True):
            look = _fingerprint(found[number])
            is_known = self._seen.get(number) == look
            if is_known and self.statuses[number].error_code != "OK":
                continue  # tried as it is
            self._seen[number] = look
            if is_known and self._is_served(number):
                return
            if self._change(number, found[number]) or self._is_served(number):
                return

    def speed_up(self) -> None:
        """Makes one signature that clients use run faster, if it can."""
        version = self.current
        stays = version.speed_up()
        if stays is not None:
            name, reason = stays
            self.say(
                f"{self.name}: `{name}` of version {version.number} runs as it "
                f"was loaded, because {reason}."
            )

    @contextlib.contextmanager
    def watched(self, *, every_seconds: float = 0.1) -> Iterator[None]:
        """Looks at the folder regularly, in a thread of its own.

        There, signatures that clients use are made faster, too.
        """
        over = threading.Event()

        def watch():
            while not over.wait(every_seconds):
                try:
                    self.refresh()
                    self.speed_up()
                except Exception as error:  # a watch that ends says nothing
                    self.say(f"{self.folder} could not be read: {error}")

        thread = threading.Thread(
            target=watch, name="aet-keras versions", daemon=True
        )
        try:
            # In here: a signal that comes now would leave it running, and
            # the process would wait for it.
            thread.start()
            yield
        finally:
            over.set()
            if thread.is_alive():
                thread.join()

    def _is_served(self, number):
        return self._current is not None and self._current.number == number

    def _change(self, number, path):
        """Replaces the version before, if the new one answers."""
        before = self._current
        if not self._is_served(number):
            self.statuses[number] = VersionStatus("LOADING")
        try:
            version, first = self._load(path, before)
            self._serve(version)
            _try(path, version, version.signatures.keys() - first)
        except ExportError as error:
            if self._current is not before:
                self._serve(before)
            self._keep(number, error)
            return False
        self.say(f"{self.name}: version {number} is served.")
        # A graph is a ring of references: nothing else would free it.
        del before
        gc.collect()
        return True

    def _load(self, path, before):
        """Returns a version, and the signatures that answered already."""
        self._is_loading = True
        try:
            version = load_version(path)
            first = _asked_first(version, before)
            _try(path, version, first)
            return version, first
        finally:
            self._is_loading = False

    def _serve(self, version):
        before, self._current = self._current, version
        if before is not None and before.number != version.number:
            self.statuses[before.number] = VersionStatus("END")
        self.statuses[version.number] = VersionStatus("AVAILABLE")

    def _keep(self, number, error):
        if not self._is_served(number):
            self.statuses[number] = VersionStatus("END", "UNKNOWN", str(error))
        stays = ""
        if self._current is not None:
            stays = f", version {self._current.number} stays"
        self.say(f"{self.name}: version {number} is not served{stays}. {error}")


def _asked_first(version, before):
    """Returns the signatures that a version must answer before it is served.

    The first call of each takes a fifth of a second, so those that no client
    has used are called later.
    """
    there = version.signatures.keys()
    if before is None:
        return there
    return there & before.asked or there & {"serving_default"} or there


def _try(path, version, names):
    """Calls signatures once.

    Raises:
        ExportError: if one cannot be called.
    """
    try:
        version.warm_up(names)
    except Exception as error:
        raise ExportError(
            f"ModelFolder: {path} must answer a call of each signature. "
            f"Received: {first_line(error)}. Export it again."
        ) from error


def _fingerprint(path: Path) -> Any:
    """Returns what changes when a version's files do; None if it is gone.

    A version may go and another come under its number, and a copy that is
    not made aside arrives file by file.
    """
    try:
        stats = [(each, each.stat()) for each in sorted(path.rglob("*"))]
    except OSError:
        return None
    return tuple(
        (str(each), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for each, stat in stats
    )
