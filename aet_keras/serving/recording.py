"""Keeps a sample of what a server is asked, without a request's waiting."""

import collections
import contextlib
import dataclasses
import math
import random
import threading
import time
from collections.abc import Callable

from aet_keras._check import first_line, kind_and_line
from aet_keras._wording import counted
from aet_keras.data.recorded_row import encode_row
from aet_keras.serving import _recorded_rows
from aet_keras.serving._recorded_days import DAY_SECONDS, RecordedDays
from aet_keras.serving._recorded_rows import Answered, Arrays
from aet_keras.serving.loaded_version import LoadedVersion
from aet_keras.serving.settings import Recording

_MOST_WAITING = 32 * 2**20  # bytes of rows that wait to be written
_LOOK_SECONDS = 60.0
_GATHER_SECONDS = 0.05  # to take turns with each request would slow all
_RETRY_SECONDS = 1.0
_SILENT_SECONDS = 600.0  # a disk that is full now and then is said once
_END_SECONDS = 10.0


class Recorder:
    """Keeps a uniform sample of each day's rows.

    `offer` draws a random key for each row, and hands rows that may be kept
    to a thread. What goes wrong there is said once, and serving goes on.

    Args:
        recording: `Recording`.
        name: str. The model's; a folder has rows of one model.
        say: function that is called with a sentence for a person.
        draw: optional function that returns a random int of so many bits.
        clock: returns seconds since 1970.
        steady: returns seconds that no one can set back.

    Raises:
        DataError: if the folder has another format, or is damaged.
        OSError: if it cannot be written.
        ValueError: if it holds other things, or another server has it.

    Example:

    >>> import tempfile
    >>> from aet_keras.serving.recording import Recorder
    >>> from aet_keras.serving.settings import Recording
    >>> version = aet_keras.serving.loaded_version.LoadedVersion(3, {}, {})
    >>> inputs = {"texts": np.array([b"good"], object)}
    >>> outputs = {"probabilities": np.ones((1, 2))}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recorder = Recorder(Recording(folder), "films")
    ...     recorder.offer(
    ...         "a", "predict", "serving_default", version, inputs, outputs
    ...     )
    ...     recorder.close()
    ...     rows = aet_keras.data.recorded_rows.read_recorded_rows(folder)
    >>> rows[0].id, rows[0].inputs
    ('a-0', {'texts': 'good'})
    """

    def __init__(
        self,
        recording: Recording,
        name: str,
        *,
        say: Callable[[str], None] = lambda sentence: None,
        draw: Callable[[int], int] | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ):
        self.recording, self.name, self.say = recording, name, say
        self._draw = draw or random.Random().getrandbits
        self._clock, self._steady = clock, steady
        self._days = RecordedDays(recording, name, clock=clock, steady=steady)
        self._said: set[str] = set()
        self._trouble = _Trouble(self._say, steady)
        # Of the requests' threads, too, under this lock:
        self._changed = threading.Condition()
        self._waiting: collections.deque[Answered] = collections.deque()
        self._waiting_bytes = 0
        self._counts: dict[int, _Counts] = collections.defaultdict(_Counts)
        self._is_over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="aet-keras recorder", daemon=True
        )
        self._thread.start()

    @property
    def description(self) -> str:
        """Sentences for a person: what is kept, where, how much, how long."""
        mine = self.recording
        what = {
            "inputs": "their inputs and what is answered",
            "outputs": "their embeddings and what is answered, no inputs",
        }
        return (
            f"Recording: of the rows that are asked a sample is kept in "
            f"{self._days.folder}, {what[mine.keeps]}. At most "
            f"{mine.day_bytes / 2**20:g} MB and {mine.day_rows} rows a day "
            f"(UTC) for {counted(mine.days, 'day')}; older days are deleted. "
            "A folder that is new now can be read by its owner alone."
        )

    @property
    def missed(self) -> int:
        """How many rows that were chosen could not be kept so far."""
        return self._trouble.missed

    def warm_up(self, version: LoadedVersion) -> None:
        """Prepares what embeddings need; says it if there will be none."""
        if self.recording.keeps != "outputs":
            return
        if "embeddings" in version.signatures:
            _recorded_rows.warm_up(version)
        else:
            self.say(
                f"Recording: version {version.number} has no signature "
                "`embeddings`, so that only its outputs are kept."
            )

    def offer(
        self,
        request_id: str,
        verb: str,
        signature: str,
        version: LoadedVersion,
        inputs: Arrays,
        outputs: Arrays,
    ) -> None:
        """Takes the rows of an answer, some of which may be kept.

        It never raises, and takes some microseconds.

        Args:
            request_id: str.
            verb: str. `"predict"`, `"classify"` or `"regress"`.
            signature: str. The name of the one that was called.
            version: `LoadedVersion` that answered.
            inputs: dict of input to array. Nobody may change them later.
            outputs: dict of output to array.
        """
        try:
            if not _recorded_rows.is_kept(verb, signature, outputs):
                return
            count = _recorded_rows.row_count(inputs, outputs)
            now = self._clock()
            draws = [self._draw(64) for _ in range(count)]
            answered = Answered(
                request_id,
                now,
                version,
                verb,
                range(count),
                draws,
                inputs,
                outputs,
            )
            self._take(answered)
        except Exception as error:  # a request must not fail for it
            self._say_once(_unforeseen(error))

    def close(self) -> None:
        """Writes what still waits, and lets another server have the folder."""
        with self._changed:
            self._is_over.set()
            self._changed.notify()
        self._thread.join(_END_SECONDS)
        if self._thread.is_alive():
            with self._changed:
                left = sum(len(each.keys) for each in self._waiting)
            self._say(f"{left} rows that waited were not kept")
        self._days.release()

    def _take(self, answered):
        """Has rows wait for the thread whose keys are small enough."""
        day, keys = _day_of(answered), answered.keys
        threshold = self._days.threshold(day)
        places = [place for place, key in enumerate(keys) if key < threshold]
        some = answered
        if places and len(places) < len(keys):
            some = answered.take(places)
        with self._changed:
            self._counts[day].asked += len(keys)
            if not places:
                return
            if self._waiting_bytes + some.size <= _MOST_WAITING:
                self._waiting.append(some)
                self._waiting_bytes += some.size
                self._changed.notify()
                return
            self._miss(day, len(places))
        self._say_once(
            "rows come faster than they can be written; those that are too "
            "many are not kept, and `day.json` counts them"
        )

    def _run(self):
        """Writes rows, and looks at the folder now and then."""
        looked_at = -math.inf
        while not self._is_over.is_set() or self._waiting:
            if self._steady() - looked_at >= _LOOK_SECONDS:
                self._look()
                looked_at = self._steady()
            with self._changed:
                if not self._waiting and not self._is_over.is_set():
                    self._changed.wait(_LOOK_SECONDS)
            self._is_over.wait(_GATHER_SECONDS)
            for _ in range(len(self._waiting)):  # then it looks, if it is time
                with self._changed:
                    some = self._waiting.popleft()
                    self._waiting_bytes -= some.size
                self._keep(some)
        self._look()

    def _keep(self, answered):
        """Writes rows whose keys are still small enough."""
        day = _day_of(answered)
        threshold = self._days.threshold(day)
        places = [i for i, k in enumerate(answered.keys) if k < threshold]
        if len(places) < len(answered.keys):
            answered = answered.take(places)
        left = len(places)
        if not left or self._trouble.is_recent:
            self._miss(day, left)
            return
        try:
            rows = _recorded_rows.make_rows(answered, self.recording.keeps)
            for key, row in zip(answered.keys, rows, strict=True):
                self._write(day, key, row)
                left -= 1
        except OSError as error:
            self._trouble.begin(error)
            self._miss(day, left)
        except Exception as error:  # the thread must go on
            self._say_once(_unforeseen(error))
            self._miss(day, left)

    def _write(self, day, key, row):
        content = encode_row(row)
        if len(content) > self._days.largest_row:
            self._say_once(
                "a row of more than a twentieth of a day's bytes is not kept. "
                f"The first has {len(content):,} bytes. A higher limit keeps "
                "it: `--record-megabytes`"
            )
            self._miss(day, 1)
        elif self._days.add(day, key, content):
            self._trouble.end()

    def _miss(self, day, count):
        with self._changed:
            self._counts[day].missed += count
            self._trouble.missed += count

    def _look(self):
        """Writes the counts, and deletes what is too old."""
        try:
            with contextlib.suppress(OSError):
                self._days.delete_old()
            with contextlib.suppress(OSError):
                self._save_counts()
        except Exception as error:  # the thread must go on
            self._say_once(_unforeseen(error))

    def _save_counts(self):
        for day in list(self._counts):
            reservoir = self._days.reservoir(day)
            with self._changed:
                counts = self._counts.pop(day)
            reservoir.asked += counts.asked
            reservoir.missed += counts.missed
        self._days.save()

    def _say(self, sentence):
        self.say(f"Recording: {sentence}.")

    def _say_once(self, sentence):
        kind = sentence[:20]
        if kind not in self._said:
            self._said.add(kind)
            self._say(sentence)


@dataclasses.dataclass
class _Counts:
    """Counts the rows of a day that are not in its folder's file yet."""

    asked: int = 0
    missed: int = 0


class _Trouble:
    """Says that rows cannot be written, and when they can be again.

    Args:
        say: function that is called with a sentence for a person.
        steady: returns seconds that no one can set back.
    """

    def __init__(self, say: Callable[[str], None], steady: Callable):
        self._say, self._steady = say, steady
        self._at = -math.inf
        self._is_on = self._is_said = False
        self._said_at = -math.inf
        # Of all rows that could not be kept:
        self.missed = self._missed_before = 0

    @property
    def is_recent(self) -> bool:
        """Whether it is too early to try again."""
        return self._is_on and self._steady() - self._at < _RETRY_SECONDS

    def begin(self, error: OSError) -> None:
        """Notes that a row could not be written."""
        now = self._at = self._steady()
        if self._is_on:
            return
        self._is_on, self._missed_before = True, self.missed
        self._is_said = now - self._said_at >= _SILENT_SECONDS
        if self._is_said:
            self._said_at = now
            self._say(
                "rows cannot be written now "
                f"({error.strerror or first_line(error)}). Serving goes on, "
                "and recording once they can be"
            )

    def end(self) -> None:
        """Notes that a row was written."""
        if self._is_on and self._is_said:
            self._say(
                f"rows are written again; {self.missed - self._missed_before} "
                "could not be kept meanwhile"
            )
        self._is_on = False


def _day_of(answered):
    return int(answered.time // DAY_SECONDS)


def _unforeseen(error):
    return f"a row was not kept, because of {kind_and_line(error)}"
