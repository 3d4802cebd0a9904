"""Is every request answered that came before the end?"""

import contextlib
import json
import os
import pathlib
import signal
import threading
import time
import urllib.parse

import pytest
import raw_http
import served_models
import warm_processes

from aet_keras.serving.model_folder import ModelFolder

PROGRAM = pathlib.Path(raw_http.__file__).with_name("slow_server.py")
BODY = json.dumps(
    {"instances": served_models.noise_images(1).tolist()}
).encode()
POST = raw_http.post(BODY)


@pytest.fixture
def folder(home, quick_versions):
    served_models.copy_version(quick_versions[0], home, 1)
    return home


@contextlib.contextmanager
def started(folder, seconds):
    """Lends a process whose answers take so long, and what connects to it.

    Also what it prints.
    """
    reads, writes = os.pipe()
    with open(os.devnull, "rb") as nothing, open(reads) as output:
        process = warm_processes.start(
            PROGRAM,
            folder,
            seconds,
            env=dict(os.environ),
            cwd=PROGRAM.parents[1],
            stdin=nothing.fileno(),
            stdout=writes,
        )
        os.close(writes)
        patience = threading.Timer(120, os.kill, [process.pid, signal.SIGKILL])
        patience.start()
        try:
            ready = next(line for line in output if "Ready" in line)
            place = urllib.parse.urlsplit(ready.split()[-1]).netloc
            yield process, lambda: raw_http.connect(place), output
        finally:
            patience.cancel()
            process.kill()


def meanwhile(connect, stack):
    """Returns connections in every state, and the answers each is due."""
    queued, resting, paired, half, silent = (
        [stack.enter_context(connect()) for _ in range(count)]
        for count in (6, 2, 2, 2, 2)
    )
    for connection in resting:
        connection.sendall(raw_http.GET)
        assert raw_http.statuses(raw_http.read_answer(connection)) == [200]
    for connection in queued:
        connection.sendall(POST)
    for connection in paired:
        connection.sendall(POST + raw_http.GET)
    for connection in half:
        connection.sendall(POST[:-20])
    return queued, resting, paired, half, silent


@pytest.mark.slow
def test_every_request_that_came_before_sigterm_is_answered(folder):
    with (
        started(folder, 0.1) as (process, connect, output),
        contextlib.ExitStack() as stack,
    ):
        queued, resting, paired, half, silent = meanwhile(connect, stack)
        late = stack.enter_context(connect())
        process.send_signal(signal.SIGTERM)
        for connection in (late, resting[0], silent[0]):
            connection.sendall(POST)  # before the server can have said so
        for connection in half:
            time.sleep(0.1)
            connection.sendall(POST[-20:])
        received = {
            connection: raw_http.read_all(connection)
            for connection in (
                *queued,
                *resting,
                *paired,
                *half,
                *silent,
                late,
            )
        }
        code = process.wait(30)
        errors = output.read()

    due = dict.fromkeys(received, [200])
    due |= dict.fromkeys(paired, [200, 200]) | {resting[1]: [], silent[1]: []}
    found = {each: raw_http.statuses(text) for each, text in received.items()}
    assert [found[each] for each in due] == [*due.values()]
    assert b"connection: close" in received[queued[-1]].lower()
    assert code == -signal.SIGTERM
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_second_signal_ends_at_once(folder):
    with (
        started(folder, 20) as (process, connect, _),
        connect() as asking,
    ):
        asking.sendall(POST)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert process.poll() is None  # it waits for the answer

        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM


def test_who_connects_while_the_server_ends_is_answered(folder):
    with raw_http.serving_in_thread(ModelFolder(folder)) as (server, connect):
        server.terms.is_ending = True
        with connect() as connection:
            connection.sendall(raw_http.GET)
            received = raw_http.read_all(connection)

    assert raw_http.statuses(received) == [200]
    assert b"connection: close" in received.lower()
