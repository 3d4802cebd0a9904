"""Starts processes that train together, and has them run functions.

They stay for many tests: to start one takes seconds.
"""

import atexit
import contextlib
import functools
import importlib
import json
import os
import pathlib
import pickle
import select
import shutil
import socket
import sys
import tempfile
import time
import traceback

import lean_tensorflow
import warm_processes

TESTS = pathlib.Path(__file__).parent
_START_SECONDS, _RUN_SECONDS = 300, 300


class Group:
    """Runs several processes with the `TF_CONFIG` of one cluster.

    Args:
        count: int >= 1. How many.
        folder: path of a folder for their logs.
        environment: optional dict of str. More variables of theirs.
    """

    def __init__(self, count, folder, environment=None):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
        self.workers = [
            Worker(index, addresses, folder, environment or {})
            for index in range(count)
        ]
        self.wait(_START_SECONDS)

    def run(self, function, *arguments, seconds=_RUN_SECONDS):
        """Returns what a function of a module returns, of each process.

        An exception in one of them is raised, with its traceback.
        """
        self.begin(function, *arguments)
        return self.wait(seconds)

    def begin(self, function, *arguments):
        """Has all of them begin to run a function."""
        for each in self.workers:
            each.send((function.__module__, function.__name__, arguments))

    def wait(self, seconds=_RUN_SECONDS):
        """Returns what each of them sends next."""
        until = time.monotonic() + seconds
        return [each.receive(until) for each in self.workers]

    def wait_for(self, index, seconds=_RUN_SECONDS):
        """Returns what one of them sends next."""
        return self.workers[index].receive(time.monotonic() + seconds)

    def close(self):
        """Ends all of them."""
        for each in self.workers:
            each.process.kill()
        for each in self.workers:
            each.process.wait()
            with contextlib.suppress(BrokenPipeError):
                each.commands.close()
            each.answers.close()


@functools.cache  # of all the files of tests that one process runs
def two():
    """Returns a group of two processes, which ends with this one."""
    folder = tempfile.mkdtemp()
    group = Group(2, folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(group.close)
    return group


class Worker:
    """Is one process of a group."""

    def __init__(self, index, addresses, folder, environment):
        self.log = log = folder / f"worker{index}.log"
        task = {"type": "worker", "index": index}
        known = {"cluster": {"worker": addresses}, "task": task}
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps(known) if len(addresses) > 1 else "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
            **environment,
        }
        reads, writes = os.pipe()
        self.answers = os.fdopen(reads, "rb")
        theirs, ours = os.pipe()
        self.commands = os.fdopen(ours, "wb")
        with open(log, "wb") as output:
            self.process = warm_processes.start(
                __file__,
                writes,
                env=environment,
                cwd=TESTS.parent,
                stdin=theirs,
                stdout=output.fileno(),
                pass_fds=[writes],
            )
        os.close(writes)
        os.close(theirs)

    def send(self, command):
        self.commands.write(pickle.dumps(command))
        self.commands.flush()

    def receive(self, until):
        """Returns its next answer.

        Raises:
            AssertionError: with its log, if none comes in time.
        """
        ready, _, _ = select.select(
            [self.answers], [], [], max(0.0, until - time.monotonic())
        )
        assert ready, f"no answer in time; its log:\n{self.tail()}"
        with contextlib.suppress(EOFError):
            is_done, value = pickle.load(self.answers)
            assert is_done, value
            return value
        raise AssertionError(f"it ended; its log:\n{self.tail()}")

    def tail(self):
        return self.log.read_text("utf-8", "replace")[-3000:]


def free_ports(count):
    """Returns ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def _serve(answers):
    commands = sys.stdin.buffer
    _answer(answers, True, os.getpid())
    while True:
        try:
            module, name, arguments = pickle.load(commands)
        except EOFError:
            return
        try:
            function = getattr(importlib.import_module(module), name)
            value = function(*arguments)
        except BaseException as error:
            if isinstance(error, SystemExit):
                raise
            _answer(answers, False, traceback.format_exc())
        else:
            _answer(answers, True, value)


def _answer(answers, is_done, value):
    answers.write(pickle.dumps((is_done, value)))
    answers.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    lean_tensorflow.trace_faster()
    lean_tensorflow.optimize_graphs(False)
    _serve(os.fdopen(int(sys.argv[1]), "wb"))
