"""Runs a search in several processes: a chief, and its workers."""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

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


_PARENT = "AET_KERAS_PARENT"
_HOST = "127.0.0.1"
_MOST_RESTARTS = 5
_TURN_SECONDS = 0.2
_GRACE_SECONDS = 5.0


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
    environment = _environment(workers)
    started = [Process(name, command, folder, environment) for name in names]
    try:
        for each in started:
            each.start()
        while not all(each.has_ended for each in started[1:]):
            for each in started:
                each.restart_if_killed()
            look()
            time.sleep(_TURN_SECONDS)
        look()
    finally:
        stop(started)


@dataclasses.dataclass
class Process:
    """One process of a search, which is restarted if it is killed."""

    name: str
    command: Sequence[str]
    folder: pathlib.Path
    environment: dict[str, str]
    restarts: int = 0
    process: subprocess.Popen | None = None

    @property
    def pid_file(self) -> pathlib.Path:
        """The file with its process number, while it runs."""
        return self.folder / f"{self.name}.pid"

    @property
    def log_file(self) -> pathlib.Path:
        """The file with its output."""
        return self.folder / f"{self.name}.log"

    @property
    def has_ended(self) -> bool:
        """Whether it has finished its work."""
        return self.process is not None and self.process.poll() == 0

    def start(self) -> None:
        """Starts it in a session of its own, which Ctrl-C does not reach."""
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**self.environment, ID: self.name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_file.write_text(f"{self.process.pid}\n")

    def restart_if_killed(self) -> None:
        """Starts it again if it was killed.

        Raises:
            TrainingError: if it gave up by itself, or was killed too often.
        """
        code = None if self.process is None else self.process.poll()
        if code is None or code == 0:
            return
        was_killed = code < 0 and self.name != "chief"
        if not was_killed or self.restarts == _MOST_RESTARTS:
            raise TrainingError(self._why(code))
        self.restarts += 1
        self.start()

    def _why(self, code):
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        if self.restarts:
            ended += f", after {self.restarts} restarts"
        lines = self.log_file.read_text("utf-8", "replace").split("\n")
        last_lines = [line for line in lines if line.strip()][-1:]
        last = f" It said: {last_lines[0].rstrip('.')}." if last_lines else ""
        return (
            f"search: `{self.name}` must run to the end, because the others "
            f"cannot do without it. Received: {ended}.{last} See "
            f"{self.log_file}; `--resume` goes on."
        )


def stop(started: Sequence[Process]) -> None:
    """Ends the processes that still run, and removes the pid files."""
    running = [each.process for each in started if each.process is not None]
    for process in running:
        process.terminate()
    until = time.monotonic() + _GRACE_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for each in started:
        each.pid_file.unlink(missing_ok=True)


def python(module: str, *arguments: str) -> list[str]:
    """Returns the command that runs a module in this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def end_with_parent() -> None:
    """Ends this process, which `supervise` started, once that is gone."""
    parent = int(os.environ[_PARENT])

    def watch():
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGKILL)  # whatever it does

    threading.Thread(target=watch, daemon=True).start()


def _environment(workers):
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return {
        "TF_NUM_INTRAOP_THREADS": threads,  # more would wait for each other
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        ADDRESS: _HOST,
        PORT: str(_free_port()),
        "no_grpc_proxy": _HOST,
        _PARENT: str(os.getpid()),
    }


def _free_port():
    with socket.socket() as found:
        found.bind((_HOST, 0))
        return found.getsockname()[1]
