"""Runs and ends the embedded server."""

import asyncio
import contextlib
import functools
import gc
import math
import os
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from aet_keras.publishing import newest_version
from aet_keras.serving._connection import GRACE_SECONDS, Connection, Terms
from aet_keras.serving.app import build_app
from aet_keras.serving.model_folder import ModelFolder
from aet_keras.serving.settings import Limits, Recording


def serve(
    folder: str | os.PathLike,
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    limits: Limits | None = None,
    recording: Recording | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Serves a published model until Ctrl-C or SIGTERM.

    It watches the folder, and serves a new version once it is loaded and has
    answered a first call. Every request that arrived before the signal is
    still answered, and its connection then closed. Then the signal is raised
    again, for the caller. A second signal ends the process at once.

    Args:
        folder: str or path-like. `saved_models/NAME`; the model is called
            NAME.
        host: str. The address to listen on; others than this machine reach
            it only where that is not the default.
        port: int. 0 takes a free one; `say` is told which.
        limits: `Limits`. Defaults to `Limits()`.
        recording: optional `aet_keras.serving.settings.Recording`. What to
            keep of what is asked. Defaults to nothing.
        say: function that is called with a sentence for a person.

    Raises:
        DataError: if the folder to record in is damaged.
        ExportError: if the folder holds no version that can be served.
        OSError: if the port is in use, the host is not of this machine, or
            nothing can be recorded.
        ValueError: if the folder to record in holds other things.

    Example:

    >>> aet_keras.serving.serve("no/such/folder")
    Traceback (most recent call last):
    aet_keras.errors.ExportError: no/such/folder must hold ...
    """
    limits = limits or Limits()
    newest_version(folder)
    with listening(host, port) as listener:
        gc.collect()
        gc.freeze()  # what is imported is not searched for garbage again
        model = ModelFolder(folder, say=say)
        with _recorder(recording, model, say) as record:
            server = build_server(model, limits, record)
            say(f"Ready: {address(listener)}/v1/models/{model.name}")
            with model.watched():
                server.run(sockets=[listener])


@contextlib.contextmanager
def _recorder(recording, model, say):
    """Lends the function that records, if anything is to be recorded."""
    if recording is None:
        yield None
        return
    from aet_keras.serving.recording import Recorder  # a tenth of a second

    recorder = Recorder(recording, model.name, say=say)
    try:
        say(recorder.description)
        recorder.warm_up(model.current)
        yield recorder.offer
    finally:
        recorder.close()


def build_server(
    model: ModelFolder,
    limits: Limits,
    record: Callable[..., None] | None = None,
) -> uvicorn.Server:
    """Returns a server for a model that ends gently."""
    terms = Terms(limits.request_seconds)
    config = uvicorn.Config(
        build_app(model, limits=limits, record=record),
        # uvicorn only calls it, as it would call a class.
        http=functools.partial(Connection, terms=terms),  # type: ignore[arg-type]
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        # The headers, the body and the answer may each take that long.
        timeout_graceful_shutdown=math.ceil(3 * limits.request_seconds) + 1,
        timeout_keep_alive=60,
        ws="none",
    )
    return _Server(config, terms)


class _Server(uvicorn.Server):
    """Accepts the connections that wait in a queue before it ends."""

    def __init__(self, config, terms):
        super().__init__(config)
        self.terms = terms

    async def shutdown(self, sockets=None):
        self.terms.is_ending = True
        # Closing the socket would drop connections in the system's queue.
        await asyncio.sleep(GRACE_SECONDS)
        await super().shutdown(sockets)

    def handle_exit(self, sig, frame):
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Opens a socket that is bound to an address, and closes it.

    Raises:
        OSError: in one sentence, if it cannot be had.
    """
    listener = _bound(host, port)
    try:
        yield listener
    finally:
        listener.close()


def address(listener: socket.socket) -> str:
    """Returns the address that a bound socket has, as a URL starts."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bound(host, port):
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Named, not 0: else asyncio leaves Nagle's algorithm on, and each
        # answer waits 40 ms for the client to acknowledge its headers.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(host, port, error) from error
    try:
        # A port whose last server has just ended is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    return listener


def _unusable(host, port, error):
    return OSError(
        f"serve: host and port must be of this machine and free. Received: "
        f"host={host}, port={port} ({error.strerror or error}). Choose "
        "another port with `--port`, or end what listens there."
    )
