"""Runs a search in several processes: a chief, and its workers."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

from aet_keras import _processes
from aet_keras._processes import Process
from aet_keras.errors import TrainingError

ID = "KERASTUNER_TUNER_ID"
ADDRESS = "KERASTUNER_ORACLE_IP"
PORT = "KERASTUNER_ORACLE_PORT"
_ALL = (ID, ADDRESS, PORT)


@dataclasses.dataclass(frozen=True)
class Role:
    """Tells which part of a search this process is, as KerasTuner sees it.

    Args:
        name: str. Its id among the processes of the search.
        address: str. `IP:PORT` of the chief; empty in a search of one.
    """

    name: str = "tuner0"
    address: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Role":
        """Returns the role that the three variables of KerasTuner give.

        Raises:
            ValueError: if some of them are set, and some are not.
        """
        given = {name: environment.get(name, "") for name in _ALL}
        if not given[ADDRESS] and not given[PORT]:
            return cls(given[ID] or "tuner0")
        missing = [name for name in _ALL if not given[name]]
        if missing or not given[PORT].isdigit():
            raise ValueError(
                f"search: {', '.join(_ALL)} must be set together, the last to "
                "a number, because a chief and its workers find each other by "
                f"them. Received: {given}. Set all three, or none."
            )
        return cls(given[ID], f"{given[ADDRESS]}:{given[PORT]}")

    @property
    def is_worker(self) -> bool:
        """Whether it asks a chief for trials."""
        return bool(self.address) and not self.is_chief

    @property
    def is_chief(self) -> bool:
        """Whether it hands out trials, and runs none."""
        return bool(self.address) and "chief" in self.name

    def wait_for_chief(self, seconds: float) -> None:
        """Returns once the chief answers.

        Raises:
            TrainingError: if it does not in time.
        """
        import grpc

        with grpc.insecure_channel(self.address) as channel:
            ready = grpc.channel_ready_future(channel)
            try:
                ready.result(timeout=seconds)
            except grpc.FutureTimeoutError:
                ready.cancel()
                raise TrainingError(
                    f"search: worker `{self.name}` must reach its chief, "
                    "because the chief hands out the trials. Received: no "
                    f"answer from {self.address} in {seconds:g} s. Start the "
                    f"same command with {ID}=chief, or correct {ADDRESS} and "
                    f"{PORT}."
                ) from None


def here() -> Role:
    """Returns the role of this process."""
    return Role.of(os.environ)


def supervise(
    command: Sequence[str],
    folder: pathlib.Path,
    *,
    workers: int,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Runs a chief and workers until the workers have finished.

    A worker that was killed is started again under its id, so that the chief
    gives it its trial back. All processes are ended, whatever happens.

    Args:
        command: sequence of str. What each of them runs.
        folder: path of the folder for `ID.pid` and `ID.log`.
        workers: int >= 1.
        look: function that is called several times a second.

    Raises:
        TrainingError: if one of them cannot go on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = ["chief", *(f"worker{i}" for i in range(workers))]
    (port,) = _processes.free_ports(1)
    shared = {
        **_processes.environment(workers),
        ADDRESS: _processes.HOST,
        PORT: str(port),
    }
    started = [
        Process(name, command, folder, {**shared, ID: name}) for name in names
    ]
    try:
        for each in started:
            each.start()
        while not all(each.has_ended for each in started[1:]):
            for each in started:
                _restart_if_killed(each)
            look()
            time.sleep(_processes.TURN_SECONDS)
        look()
    finally:
        _processes.stop(started)


def _restart_if_killed(process):
    """Starts a process again if it was killed.

    Raises:
        TrainingError: if it gave up by itself, or was killed too often.
    """
    code = process.code
    if code is None or code == 0:
        return
    was_killed = code < 0 and process.name != "chief"
    if not was_killed or process.restarts == _processes.MOST_RESTARTS:
        raise TrainingError(
            f"search: `{process.name}` must run to the end, because the others "
            f"cannot do without it. Received: {process.why_ended()} See "
            f"{process.log_file}; `--resume` goes on."
        )
    process.restarts += 1
    process.start()
