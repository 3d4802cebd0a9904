"""Is a connection closed that is too slow or unclear, and no other?"""

import contextlib
import json
import time

import numpy as np
import pytest
import raw_http
import served_models

BODY = json.dumps(
    {"instances": served_models.noise_images(1).tolist()}
).encode()
CHUNKED = "Transfer-Encoding: chunked"
# The answer to the second would go to whoever asks next through a proxy.
SMUGGLED = b"0\r\n\r\n" + raw_http.GET


@pytest.fixture(scope="module")
def server(shared):
    with raw_http.serving_in_thread(shared, request_seconds=10) as (_, connect):
        yield connect


@pytest.fixture(scope="module")
def quick(shared):
    with raw_http.serving_in_thread(shared, request_seconds=0.4) as (
        _,
        connect,
    ):
        yield connect


def trickle(connection, content, every=0.05):
    """Sends a byte at a time until the other side has had enough."""
    begun = time.monotonic()
    connection.settimeout(every)
    received = b""
    for byte in content:
        connection.send(bytes([byte]))
        # To send once more would make the system forget what has come.
        with contextlib.suppress(TimeoutError):
            received = connection.recv(65536)
            break
    connection.settimeout(20)
    return received + raw_http.read_all(connection), time.monotonic() - begun


def test_headers_that_come_a_byte_at_a_time_are_given_up(quick):
    with quick() as slow:
        received, seconds = trickle(slow, raw_http.GET * 9)

    assert raw_http.statuses(received) == [408]
    assert b"The headers did not arrive within 0.4 seconds." in received
    assert b"connection: close" in received.lower()
    assert 0.3 < seconds < 5


def test_others_are_answered_while_one_is_slow(quick):
    with quick() as slow, quick() as other:
        slow.sendall(raw_http.GET[:10])
        other.sendall(raw_http.GET)
        assert raw_http.statuses(raw_http.read_answer(other)) == [200]

        assert raw_http.statuses(raw_http.read_all(slow)) == [408]


def test_the_second_headers_of_a_connection_have_a_time_of_their_own(quick):
    with quick() as connection:
        connection.sendall(raw_http.GET)
        assert raw_http.statuses(raw_http.read_answer(connection)) == [200]
        received, _ = trickle(connection, raw_http.GET * 9)

    assert raw_http.statuses(received) == [408]


def test_who_connects_and_says_nothing_is_let_go(quick):
    with quick() as connection:
        assert raw_http.read_all(connection) == b""


def test_a_connection_that_is_used_may_rest(quick):
    with quick() as connection:
        for _ in range(2):
            connection.sendall(raw_http.GET)
            assert raw_http.statuses(raw_http.read_answer(connection)) == [200]
            time.sleep(0.6)


@pytest.mark.parametrize(
    "path", [raw_http.PATH, "/nowhere"], ids=["read", "unread"]
)
def test_a_body_that_comes_a_byte_at_a_time_is_given_up(quick, path):
    head = raw_http.post(b"", "Content-Length: 1000").replace(
        f"{raw_http.PATH}:".encode(), f"{path}:".encode()
    )
    with quick() as connection:
        connection.sendall(head)
        received, seconds = trickle(connection, b" " * 999)

    assert raw_http.statuses(received) == [
        408 if path == raw_http.PATH else 400
    ]
    assert seconds < 5


LENGTHS = {
    "a length and chunks": raw_http.post(
        SMUGGLED, "Content-Length: 5", CHUNKED
    ),
    "chunks and a length": raw_http.post(
        SMUGGLED, CHUNKED, "content-length: 5"
    ),
    "a length and folded chunks": raw_http.post(
        SMUGGLED, "Content-Length: 5", "Transfer-Encoding:\r\n chunked"
    ),
    "two lengths": raw_http.post(
        SMUGGLED, "Content-Length: 5", "Content-Length: 6"
    ),
    "two lengths in one": raw_http.post(SMUGGLED, "Content-Length: 5, 6"),
    "a signed length": raw_http.post(SMUGGLED, "Content-Length: +5"),
    "another coding": raw_http.post(SMUGGLED, "Transfer-Encoding: xchunked"),
    "two codings": raw_http.post(SMUGGLED, CHUNKED, CHUNKED),
    "a coding of many": raw_http.post(SMUGGLED, f"{CHUNKED}, identity"),
    "a space before the colon": raw_http.post(
        SMUGGLED, "Transfer-Encoding : chunked"
    ),
    "chunks in HTTP/1.0": raw_http.post(SMUGGLED, CHUNKED).replace(
        b"HTTP/1.1", b"HTTP/1.0", 1
    ),
    "a chunk of no size": raw_http.post(b"x\r\n\r\n" + raw_http.GET, CHUNKED),
    "a chunk of a signed size": raw_http.post(
        b"-1\r\n\r\n" + raw_http.GET, CHUNKED
    ),
    "a chunk without an end": raw_http.post(
        b"1\r\nab\r\n" + raw_http.GET, CHUNKED
    ),
    "no host": raw_http.GET.replace(b"Host: here\r\n", b"") + raw_http.GET,
    "no request": b"hello\r\n\r\n" + raw_http.GET,
}


@pytest.mark.parametrize("case", LENGTHS)
def test_what_can_be_read_in_two_ways_is_refused_and_closes(server, case):
    with server() as connection:
        connection.sendall(LENGTHS[case])
        received = raw_http.read_all(connection)

    assert raw_http.statuses(received) == [400]
    assert b"connection: close" in received.lower()
    assert "error" in json.loads(received.partition(b"\r\n\r\n")[2])


def test_headers_that_are_too_long_are_refused(server):
    with server() as connection:
        connection.sendall(raw_http.GET[:-2] + b"X: " + b"y" * 70000)
        received = raw_http.read_all(connection)

    assert raw_http.statuses(received) in ([431], [])  # the rest may reset it


def test_chunks_alone_are_read(server):
    chunk = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    with server() as connection:
        connection.sendall(raw_http.post(chunk, CHUNKED, "Connection: close"))
        received = raw_http.read_all(connection)

    assert raw_http.statuses(received) == [200]


def mutated(random, content):
    """Returns bytes with some changed, left out or put twice."""
    content = bytearray(content)
    for _ in range(random.integers(1, 4)):
        at = random.integers(len(content))
        kind = random.integers(3)
        if kind == 0:
            content[at] = random.integers(256)
        elif kind == 1:
            del content[at : at + random.integers(1, 9)]
        else:
            content[at:at] = content[at : at + random.integers(1, 40)]
    return bytes(content)


def test_damaged_bytes_are_refused_and_the_server_goes_on(quick, caplog):
    random = np.random.default_rng(0)
    chunk = b"5\r\nhello\r\n0\r\n\r\n"
    whole = [
        raw_http.GET,
        raw_http.post(BODY),
        raw_http.post(chunk, CHUNKED),
    ] * 100
    seen = set()

    for start in range(0, len(whole), 100):
        with contextlib.ExitStack() as stack:
            connections = []
            for content in whole[start : start + 100]:
                connections.append(stack.enter_context(quick()))
                connections[-1].sendall(mutated(random, content))
            time.sleep(0.6)  # what is not whole is given up
            for connection in connections:
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    seen |= {*raw_http.statuses(connection.recv(65536))}

    assert {200, 400, 404, 408} <= seen <= {200, 400, 404, 405, 408, 413, 431}
    assert not caplog.records
    with quick() as connection:
        connection.sendall(raw_http.GET)
        assert raw_http.statuses(raw_http.read_answer(connection)) == [200]
