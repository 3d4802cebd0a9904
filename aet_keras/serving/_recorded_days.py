"""Keeps rows in a folder for each day, and deletes days that are too old."""

import contextlib
import datetime
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from aet_keras._files import write_whole
from aet_keras._lock import InUse, Lock
from aet_keras._regular_file import why_not
from aet_keras.data import recorded_rows
from aet_keras.serving._reservoir import ALL, Reservoir, largest_row
from aet_keras.serving.settings import Recording

DAY_SECONDS = 86400

_OWNER = "serve"
_LOCK = ".lock"
_MOST_OPEN = 2  # requests of both sides of midnight
_JUMP_SECONDS = 60.0
_STEADY_SECONDS = 3600.0
_FIRST_DAY = datetime.date(1970, 1, 1).toordinal()


class RecordedDays:
    """Keeps the rows of each day in a folder of its own.

    One thread may call its methods; `threshold` may be called by all.

    Args:
        recording: `Recording`.
        name: str. The model's; a folder has rows of one model.
        clock: returns seconds since 1970.
        steady: returns seconds that no one can set back.

    Raises:
        DataError: if the folder has another format, or is damaged.
        OSError: if it cannot be written.
        ValueError: if it holds other things, or another server has it.
    """

    def __init__(
        self,
        recording: Recording,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ):
        self.recording, self.name = recording, name
        self.clock, self.steady = clock, steady
        self.folder = Path(recording.folder).absolute()
        self._open: dict[int, Reservoir] = {}
        self._thresholds: dict[int, int] = {}  # replaced, never changed
        self._offset = clock() - steady()
        self._steady_since = steady()
        self._lock = self._take_folder()
        if self._path(self.today).is_dir():
            self.reservoir(self.today)

    @property
    def today(self) -> int:
        """The number of the day (UTC) since 1970."""
        return int(self.clock() // DAY_SECONDS)

    def threshold(self, day: int) -> int:
        """Returns the key below which rows of a day are kept."""
        return self._thresholds.get(day, ALL)

    @property
    def largest_row(self) -> int:
        """The most bytes that a row may have."""
        return largest_row(self.recording.day_bytes)

    def reservoir(self, day: int) -> Reservoir:
        """Returns the rows of a day, read from its folder if need be.

        Raises:
            OSError: if it cannot be made or read.
        """
        if day not in self._open:
            while len(self._open) >= _MOST_OPEN:
                self._close(next(iter(self._open)))
            self._make_folder()
            self._describe()
            self._open[day] = Reservoir(
                self._path(day),
                most_bytes=self.recording.day_bytes,
                most_rows=self.recording.day_rows,
            )
            self._publish()
        return self._open[day]

    def add(self, day: int, key: int, content: bytes) -> bool:
        """Keeps a row if its key is small enough; returns whether.

        Raises:
            OSError: if it cannot be written; then it is not kept.
        """
        try:
            return self.reservoir(day).add(key, content)
        except FileNotFoundError:  # someone has deleted the folder
            self._open.pop(day, None)
            return self.reservoir(day).add(key, content)
        finally:
            self._publish()

    def save(self) -> None:
        """Writes how many rows were asked."""
        for reservoir in self._open.values():
            with contextlib.suppress(FileNotFoundError):
                reservoir.save()

    def release(self) -> None:
        """Lets another server have the folder."""
        self._lock.release()

    def delete_old(self) -> None:
        """Deletes the days that are older than the recording keeps.

        If no row is younger, it may be that the clock is wrong: then it
        waits until the clock has gone an hour without a jump.
        """
        today, keeps = self.today, self.recording.days
        self._look_at_clock()
        days = self._days()
        earlier = [day for day in days if day < today]
        gap = today - max(earlier, default=today)
        is_steady = self.steady() - self._steady_since >= _STEADY_SECONDS
        if gap > keeps and not is_steady:
            return
        for day in earlier:
            if today - day >= keeps:
                self._delete(day)
        if is_steady:
            for day in days:
                if day > today + 1 and self._is_old(self._path(day)):
                    self._delete(day)

    def _look_at_clock(self):
        offset = self.clock() - self.steady()
        if abs(offset - self._offset) > _JUMP_SECONDS:
            self._steady_since = self.steady()
        self._offset = offset

    def _is_old(self, path):
        """Says it of a day to come: its rows were kept by a wrong clock."""
        now, written = self.clock(), path.stat().st_mtime
        if written > now:
            os.utime(path, (now, now))
        return now - written >= self.recording.days * DAY_SECONDS

    def _days(self):
        found = []
        for path in recorded_rows.days_of(self.folder):
            with contextlib.suppress(ValueError):  # the 31st of February
                date = datetime.date.fromisoformat(path.name)
                found.append(date.toordinal() - _FIRST_DAY)
        return found

    def _delete(self, day):
        self._open.pop(day, None)
        self._publish()
        shutil.rmtree(self._path(day), ignore_errors=True)

    def _close(self, day):
        with contextlib.suppress(OSError):
            self._open[day].save()
        del self._open[day]

    def _publish(self):
        found = {d: r.threshold for d, r in self._open.items()}
        if found != self._thresholds:
            self._thresholds = found

    def _path(self, day):
        return self.folder / _date(day).isoformat()

    def _make_folder(self):
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _take_folder(self):
        self._make_folder()
        try:
            # It ends with the process, or with `release`.
            lock = Lock(self.folder, lambda: True, who="another server")
        except InUse as error:
            raise ValueError(
                f"{_OWNER}: one server at a time may record in a folder, "
                "because two would exceed its limit. Received: "
                f"{self.folder}; {error}. Name another folder."
            ) from error
        try:
            self._check_folder()
            self._describe(anew=True)
        except BaseException:
            lock.release()
            raise
        return lock

    def _check_folder(self):
        if why_not(self.folder / recorded_rows.DESCRIPTION):
            inside = {each.name for each in self.folder.iterdir()} - {_LOCK}
            if inside:
                self._refuse("must be new, or hold a recording", "other files")
            return
        about = recorded_rows.read_description(self.folder)
        if about.get("name") != self.name:
            what = f"rows of the model {about.get('name')}"
            self._refuse(f"must hold rows of {self.name} alone", what)
        if about.get("keeps") != self.recording.keeps:
            what = f"rows of `--record-what {about.get('keeps')}`"
            self._refuse("must hold rows of one kind", what)

    def _refuse(self, must, what):
        raise ValueError(
            f"{_OWNER}: the folder to record in {must}, because its old days "
            f"are deleted and its rows read together. Received: {self.folder}, "
            f"with {what}. Name another folder."
        )

    def _describe(self, *, anew=False):
        path = self.folder / recorded_rows.DESCRIPTION
        if path.exists() and not anew:
            return
        mine = self.recording
        about = recorded_rows.describe(
            name=self.name,
            keeps=mine.keeps,
            day_bytes=mine.day_bytes,
            day_rows=mine.day_rows,
            days=mine.days,
        )
        write_whole(path, about.encode())


def _date(day):
    return datetime.date.fromordinal(_FIRST_DAY + day)
