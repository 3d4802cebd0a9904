"""Starts scripts in processes that have loaded TensorFlow and Keras already.

To load them takes seconds in each process. Here one process does, and forks
itself for each script. It runs no operation before: TensorFlow can be forked
until its first one.
"""

import atexit
import contextlib
import fcntl
import functools
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
import types

_MOST_BYTES = 1 << 17
_ABOVE = 100  # where a descriptor waits until its number is free


class Process:
    """Is a running script; as `subprocess.Popen`, as far as tests need it."""

    def __init__(self, server, pid):
        self._server, self.pid = server, pid

    def wait(self, timeout=None):
        """Returns its exit code; below 0 is the signal that ended it."""
        return self._server.wait(self.pid, timeout)

    def poll(self):
        """Returns its exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)

    def send_signal(self, number):
        """Sends a signal, if it has not ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self):
        """Ends it, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        """Asks it to end, if it has not ended."""
        self.send_signal(signal.SIGTERM)


class _Server:
    """Talks to the process that forks."""

    def __init__(self):
        self.codes = {}
        self._connection, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self.pid = self._process.pid
        atexit.register(self._end)

    def _end(self):
        self._connection.close()  # then it ends
        self._process.wait()

    def start(self, command, descriptors):
        numbers = [*descriptors]
        message = json.dumps({**command, "numbers": numbers}).encode()
        assert len(message) < _MOST_BYTES
        files = [descriptors[number] for number in numbers]
        socket.send_fds(self._connection, [message], files)
        while "started" not in (answer := self._receive()):
            pass
        return Process(self, answer["started"])

    def wait(self, pid, timeout):
        until = None if timeout is None else time.monotonic() + timeout
        while pid not in self.codes:
            left = None if until is None else max(0, until - time.monotonic())
            if not select.select([self._connection], [], [], left)[0]:
                raise subprocess.TimeoutExpired(str(pid), timeout)
            self._receive()
        return self.codes[pid]

    def _receive(self):
        message = self._connection.recv(_MOST_BYTES)
        assert message, "the process that forks has ended"
        answer = json.loads(message)
        if "ended" in answer:
            self.codes[answer["ended"]] = answer["code"]
        return answer


_server = functools.cache(_Server)


def start(script, *arguments, env, cwd, stdin, stdout, pass_fds=()):
    """Starts a script in a process of its own.

    Args:
        script: path. It is run as `python SCRIPT` runs it.
        arguments: strs. What it finds in `sys.argv`.
        env: dict of str. Its whole environment.
        cwd: path. Its working directory.
        stdin, stdout: descriptors. Standard error goes to `stdout`.
        pass_fds: descriptors that it has under the same numbers.

    Returns:
        A `Process`.
    """
    command = {
        "argv": [str(script), *map(str, arguments)],
        "env": env,
        "cwd": str(cwd),
    }
    descriptors = {0: stdin, 1: stdout, 2: stdout}
    return _server().start(
        command, descriptors | {each: each for each in pass_fds}
    )


def stand_in(script):
    """Stands for `subprocess` where `aet_keras._processes` starts processes.

    They run a script with the arguments that their command ends in, and watch
    the process that forks as they would watch this one.
    """

    def popen(command, *, env, stdin, stdout, stderr, start_new_session):
        parent = {_processes.PARENT: str(_server().pid)}
        with open(os.devnull, "rb") as nothing:
            return start(
                script,
                *command,
                env={**env, **parent},
                cwd=os.getcwd(),
                stdin=nothing.fileno(),
                stdout=1 if stdout is None else stdout.fileno(),
            )

    from aet_keras import _processes

    return types.SimpleNamespace(
        Popen=popen,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )


def run(script, *arguments, env, cwd, log):
    """Runs a script to its end; its output goes to a file.

    Returns:
        Its exit code; below 0 is the signal that ended it.
    """
    with open(os.devnull, "rb") as nothing, open(log, "wb") as output:
        process = start(
            script,
            *arguments,
            env=env,
            cwd=cwd,
            stdin=nothing.fileno(),
            stdout=output.fileno(),
        )
    return process.wait()


def _next_script(connection):
    """Forks for each script; returns its command, in the new process."""
    wakes, wake = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([connection, wakes], [], [])
        if wakes in ready:
            os.read(wakes, 512)
            _tell_ended(connection)
        if connection not in ready:
            continue
        message, files, _, _ = socket.recv_fds(connection, _MOST_BYTES, 16)
        if not message:  # nobody is left to ask
            sys.exit()
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (wakes, wake):
                os.close(each)
            connection.close()
            command = json.loads(message)
            _place(files, command["numbers"])
            return command
        for each in files:
            os.close(each)
        connection.send(json.dumps({"started": pid}).encode())


def _tell_ended(connection):
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(found[1])
            answer = {"ended": found[0], "code": code}
            connection.send(json.dumps(answer).encode())


def _place(files, numbers):
    """Gives each file its number, whatever had it before."""
    waiting = [fcntl.fcntl(each, fcntl.F_DUPFD, _ABOVE) for each in files]
    for each in files:
        os.close(each)
    for each, number in zip(waiting, numbers, strict=True):
        os.dup2(each, number, inheritable=True)
        os.close(each)


if __name__ == "__main__":
    import aet_keras.training  # noqa: F401  (and all that it loads)

    asked = _next_script(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv[:] = asked["argv"]
    runpy.run_path(asked["argv"][0], run_name="__main__")
