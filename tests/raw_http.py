"""Talks to a server in bare bytes."""

import contextlib
import re
import socket
import threading

from aet_keras.serving import Limits
from aet_keras.serving.server import address, build_server, listening

PATH = "/v1/models/clothes"
GET = f"GET {PATH} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


@contextlib.contextmanager
def serving_in_thread(folder, **limits):
    """Lends a server in a thread, and what connects to it."""
    with listening("127.0.0.1", 0) as listener:
        server = build_server(folder, Limits(**limits))
        place = address(listener).rpartition("/")[2]
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}
        )
        thread.start()
        try:
            yield server, lambda: connect(place)
        finally:
            server.should_exit = True
            thread.join()


def connect(place):
    """Returns a connection to `host:port`."""
    host, port = place.split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def post(body, *headers):
    """Returns a request for an answer."""
    lines = [f"POST {PATH}:predict HTTP/1.1", "Host: here", *headers]
    if not headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def read_answer(connection):
    """Returns one answer, and leaves the connection open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.lower().partition(b"\r\n\r\n")
    size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < size:
        body += connection.recv(65536)
    return received


def read_all(connection):
    """Returns all that comes until the other side closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


def statuses(received):
    """Returns the status of each answer among bytes."""
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
