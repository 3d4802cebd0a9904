"""Says where a stream stands, and what it did."""

import collections
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

_MOST_EVENTS = 1000
WATCHING, COLLECTING, SETTLING = "watching", "collecting", "settling"


@dataclasses.dataclass(frozen=True)
class StreamEvent:
    """Says what a `Stream` did, and why.

    Args:
        time: float. Seconds since 1970, or what the stream's clock says.
        row_count: int. Rows that it had seen.
        what: `"alarm"`, `"shift"` (it was named), `"quiet"` (there is none, or
            none any more), `"adapted"`, `"not adapted"`, `"settled"` (it
            watches again) or `"labels"` (some could not be used).
        why: str. The figures in a sentence.

    Example:

    >>> event = aet_keras.drift.stream_log.StreamEvent(0.0, 40, "alarm", "...")
    >>> event.to_json()
    {'time': 0.0, 'row_count': 40, 'what': 'alarm', 'why': '...'}
    """

    time: float
    row_count: int
    what: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)


class StreamLog:
    """Holds the newest 1,000 events of a stream.

    Args:
        clock: function that returns seconds.

    Example:

    >>> log = aet_keras.drift.stream_log.StreamLog(lambda: 3.0)
    >>> log.say(40, "quiet", "nothing has changed")
    >>> log.events[0].time
    3.0
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self._events: collections.deque = collections.deque(maxlen=_MOST_EVENTS)

    @property
    def events(self) -> tuple[StreamEvent, ...]:
        """The events, the oldest first."""
        return tuple(self._events)

    def say(self, row_count: int, what: str, why: str) -> None:
        """Adds an event of now."""
        self._events.append(StreamEvent(self.clock(), row_count, what, why))

    def get_state(self) -> list[dict[str, Any]]:
        """Returns the events as JSON can hold them."""
        return [event.to_json() for event in self._events]

    def set_state(self, state: list[dict[str, Any]]) -> None:
        """Goes on from what `get_state` returned."""
        self._events.clear()
        self._events.extend(StreamEvent(**each) for each in state)


@dataclasses.dataclass
class StreamPlace:
    """Holds where a stream stands.

    Args:
        phase: `"watching"`; `"collecting"`, rows after an alarm; or
            `"settling"`, after an adaptation.
        count: int. Rows so far.
        since: int. The row at which the last shift began.
        waits_from: int. The row from which rows are waited for.
        watched_from: int. The row from which the model is watched.
        kind: str. Of the shift that labels may settle; empty without one.
        labels_due: int. How many labels are learned from next.
        looks_at: int. After how many rows it looks whether the start is back.
    """

    phase: str = WATCHING
    count: int = 0
    since: int = 0
    waits_from: int = 0
    watched_from: int = 0
    kind: str = ""
    labels_due: int = 0
    looks_at: int = 0

    @property
    def waited(self) -> int:
        """How many rows came since it waits for some."""
        return self.count - self.waits_from

    def watch(self) -> None:
        """Watches, from the next row on."""
        self.phase, self.watched_from = WATCHING, self.count

    def collect(self, since: int, *, labels_due: int, looks_at: int) -> None:
        """Collects rows of a shift that is not named yet."""
        self.phase, self.kind = COLLECTING, ""
        self.since = self.waits_from = since
        self.labels_due, self.looks_at = labels_due, looks_at

    def name(self, kind: str) -> bool:
        """Takes the kind of the shift; says whether it is another one."""
        is_new, self.kind = kind != self.kind, kind
        return is_new

    def settle(self, *, is_over: bool) -> None:
        """Waits for rows of the adapted model; labels may have settled all."""
        self.phase, self.waits_from = SETTLING, self.count
        self.kind = "" if is_over else self.kind

    def take_labels(self, known: int) -> bool:
        """Says whether so many labels are learned from; then twice are due."""
        is_due = known >= self.labels_due
        if is_due:
            self.labels_due = 2 * known
        return is_due


def part_of(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Returns what has a prefix in a state, without it.

    Example:

    >>> from aet_keras.drift.stream_log import part_of
    >>> part_of({"rows/ids": 1, "alarm/confidence": 2}, "rows/")
    {'ids': 1}
    """
    return {
        name.removeprefix(prefix): each
        for name, each in state.items()
        if name.startswith(prefix)
    }
