"""Starts and ends processes of this package on one machine."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

PARENT = "AET_KERAS_PARENT"
HOST = "127.0.0.1"
MOST_RESTARTS = 5
TURN_SECONDS = 0.2
_GRACE_SECONDS = 5.0
# The C library gives buffers back to the system when they are freed, those of
# threads sooner: each step would ask for all of them anew.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(4 * 1024**3),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024**3),
    "MALLOC_TOP_PAD_": str(256 * 1024**2),
}


@dataclasses.dataclass
class Process:
    """One process, with a file of its output and one of its number.

    Args:
        name: str. Of its files.
        command: sequence of str.
        folder: path of the folder for `NAME.pid` and `NAME.log`.
        environment: dict of str.
        is_shown: bool. Whether its output goes where ours goes, and into no
            file. Defaults to `False`.
    """

    name: str
    command: Sequence[str]
    folder: pathlib.Path
    environment: dict[str, str]
    is_shown: bool = False
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
    def code(self) -> int | None:
        """Its exit code, negative if a signal ended it; None while it runs."""
        return None if self.process is None else self.process.poll()

    @property
    def has_ended(self) -> bool:
        """Whether it has finished its work."""
        return self.code == 0

    def start(self) -> None:
        """Starts it in a session of its own, which Ctrl-C does not reach."""
        with contextlib.ExitStack() as stack:
            log = None
            if not self.is_shown:
                log = stack.enter_context(open(self.log_file, "ab"))
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_file.write_text(f"{self.process.pid}\n")

    def why_ended(self) -> str:
        """Says how it ended, and what its last line was."""
        code = self.code or 0
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        if self.restarts:
            ended += f", after {self.restarts} restarts"
        last_lines = []
        if self.log_file.exists():
            lines = self.log_file.read_text("utf-8", "replace").split("\n")
            last_lines = [line for line in lines if line.strip()][-1:]
        last = f" It said: {last_lines[0].rstrip('.')}." if last_lines else ""
        return f"{ended}.{last}"


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


def is_supervised() -> bool:
    """Says whether `end_with_parent` has a parent to watch."""
    return PARENT in os.environ


def end_with_parent() -> None:
    """Ends this process, which another one supervises, once that is gone."""
    parent = int(os.environ[PARENT])

    def watch():
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGKILL)  # whatever it does

    threading.Thread(target=watch, daemon=True).start()


def environment(count: int) -> dict[str, str]:
    """Returns that of one of so many processes that compute here."""
    threads = str(max(1, (os.cpu_count() or 1) // count))
    return {
        "TF_NUM_INTRAOP_THREADS": threads,  # more would wait for each other
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **os.environ,
        "no_grpc_proxy": HOST,
        PARENT: str(os.getpid()),
    }


def free_ports(count: int) -> list[int]:
    """Returns ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in found]
