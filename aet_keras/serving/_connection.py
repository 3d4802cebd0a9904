"""Begins and ends HTTP connections, strictly and in time.

uvicorn parses HTTP with h11 here, even if a faster parser is installed: h11 is
strict, and the same everywhere. Three things are added. Headers must arrive in
time, as a body must. A request that gives its length in two ways is refused,
because a proxy in front may have read the other one. When the server ends,
every request that has arrived is still answered.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from aet_keras.serving._answers import to_json

GRACE_SECONDS = 0.2  # for requests that were sent before the end was known
_CLOSE = (b"connection", b"close")
_MOST_SAID = 200


@dataclass
class Terms:
    """Holds what all connections of a server share.

    Args:
        seconds: float > 0. How long headers, or the unread rest of a body, may
            take.
        is_ending: bool. Whether a connection ends after its next answer.
    """

    seconds: float
    is_ending: bool = False


class Connection(H11Protocol):
    """Adds to uvicorn a time for headers, strict lengths, a gentle end.

    Args:
        terms: `Terms`.
        **settings: what uvicorn gives.
    """

    conn: "_Strict"

    def __init__(self, *, terms: Terms, **settings: Any):
        super().__init__(**settings)
        self.conn = _Strict(
            h11.SERVER,
            max_incomplete_event_size=(
                self.config.h11_max_incomplete_event_size or 16 * 1024
            ),
        )
        self.terms = terms
        self._awaited = None  # what the client must send in time
        self._timer = None

    # uvicorn narrows what asyncio gives, too.
    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        if self.terms.is_ending:
            self.shutdown()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def handle_events(self) -> None:
        super().handle_events()
        self._announce_end()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.terms.is_ending:
            self._close_if_idle()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        error = self.conn.refused
        status = HTTPStatus.BAD_REQUEST
        if error is not None and error.error_status_hint == 431:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        # A whole header of the client's may be in it.
        self._refuse(status, f"{msg.rstrip('.')}: {str(error)[:_MOST_SAID]}.")

    def shutdown(self) -> None:
        """Ends after all requests that arrived; uvicorn ends before."""
        self._announce_end()
        self.loop.call_later(GRACE_SECONDS, self._close_if_idle)

    def _announce_end(self):
        """Marks the answer as the last, unless another request waits."""
        cycle = self.cycle
        if not self.terms.is_ending or cycle is None or cycle.response_started:
            return
        if self._has_more() or _CLOSE in cycle.default_headers:
            return
        cycle.default_headers = [*cycle.default_headers, _CLOSE]

    def _close_if_idle(self):
        is_answered = self.cycle is None or self.cycle.response_complete
        is_between = self.conn.their_state is h11.IDLE and is_answered
        if self.transport.is_closing() or not is_between or self._has_more():
            return
        self.conn.send(h11.ConnectionClosed())
        self.transport.close()

    def _has_more(self):
        data, _ = self.conn.trailing_data
        return bool(data)

    def _watch(self):
        """Starts the timer of the client, or stops it."""
        awaited = self._what_is_awaited()
        if awaited == self._awaited:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._awaited, self._timer = awaited, None
        if awaited is not None:
            seconds = self.terms.seconds
            self._timer = self.loop.call_later(seconds, self._give_up)

    def _what_is_awaited(self):
        if self.transport.is_closing():
            return None
        state = self.conn.their_state
        is_first = self.cycle is None
        if state is h11.IDLE and (is_first or self._has_more()):
            return "headers"  # between requests, uvicorn has a timer of its own
        if state is h11.SEND_BODY and not is_first:
            return "rest" if self.cycle.response_complete else None
        return None

    def _give_up(self):
        if self._awaited == "headers" and self._has_more():
            return self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                "The headers did not arrive within "
                f"{self.terms.seconds:g} seconds.",
            )
        return self.transport.close()

    def _refuse(self, status, sentence):
        """Answers with an error, and closes the connection."""
        if (
            self.cycle is not None
        ):  # the reader of the body must not answer, too
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = to_json({"error": sentence})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            _CLOSE,
        ]
        reason = status.phrase.encode()
        events = (
            h11.Response(status_code=status, headers=headers, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        try:
            for event in events:
                self.transport.write(self.conn.send(event))
        except h11.LocalProtocolError:
            pass  # it was answered already, or asked by HEAD
        self.transport.close()


class _Strict(h11.Connection):
    """Refuses a request that gives its length in two ways."""

    refused: h11.RemoteProtocolError | None = None

    def next_event(self) -> Any:
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                _check_length(event)
        except h11.RemoteProtocolError as error:
            self.refused = error
            raise
        return event


def _check_length(request):
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" not in names:
        return
    if b"content-length" in names:
        raise h11.RemoteProtocolError(
            "Content-Length and Transfer-Encoding may not both be there"
        )
    if request.http_version < b"1.1":
        raise h11.RemoteProtocolError("HTTP/1.0 knows no Transfer-Encoding")
