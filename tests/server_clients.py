"""Starts a server in a process of its own, and asks it repeatedly."""

import contextlib
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

# A job in the background is started deaf to Ctrl-C, and its children are too.
HEARING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def running_server(
    console, folder, *options, seconds=120, errors=subprocess.DEVNULL
):
    """Lends a server in a process of its own, and its address."""
    command = [console, "serve", folder, "--port", "0", *options]
    with subprocess.Popen(
        [sys.executable, "-c", HEARING, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    ) as process:
        patience = threading.Timer(seconds, process.kill)
        patience.start()
        try:
            lines = [next(process.stdout)]
            while not lines[-1].startswith("Ready: "):
                lines.append(next(process.stdout))
            yield process, lines[-1].removeprefix("Ready: ").strip()
        finally:
            patience.cancel()
            process.kill()


def stop_server(process, number=signal.SIGTERM):
    """Sends a signal; returns the exit code and what was still said."""
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


class AskingThread(threading.Thread):
    """Asks one thing over one connection until told to stop.

    Args:
        url: str. Where to POST.
        body: bytes.
    """

    def __init__(self, url, body):
        super().__init__()
        self.place, self.body = urllib.parse.urlsplit(url), body
        self.answers, self.lost, self.over = [], [], threading.Event()

    def run(self):
        head = (
            f"POST {self.place.path} HTTP/1.1\r\nhost: {self.place.netloc}\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        )
        request = head.encode() + self.body
        while not self.over.is_set():
            address = self.place.hostname, self.place.port
            try:
                with socket.create_connection(
                    address, timeout=60
                ) as connection:
                    self._ask_on(connection, request)
            except OSError as error:
                self.lost.append(repr(error))

    def _ask_on(self, connection, request):
        """Asks until the server closes the connection, or all is over."""
        # http.client takes half a millisecond itself for each request.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not self.over.is_set():
            begun = time.perf_counter()
            connection.sendall(request)
            head, text = read_response(connection)
            now = time.perf_counter()
            if head.startswith(b"HTTP/1.1 200"):
                self.answers.append((now, now - begun, text))
            else:
                self.lost.append(text)
            if b"connection: close" in head.lower():
                return


def read_response(connection):
    """Returns the head and the body of a response with a length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(connection)
    head, _, text = received.partition(b"\r\n\r\n")
    (length,) = re.findall(rb"content-length: (\d+)", head.lower())
    while len(text) < int(length):
        text += receive(connection)
    return head, text


def receive(connection):
    """Returns some bytes that were sent; there must be more."""
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("the server closed the connection")
    return received


def under_load(url, body, *, count, seconds, meanwhile=None):
    """Has several clients ask at once for some seconds.

    Args:
        url: str. Where to POST.
        body: bytes.
        count: int. How many clients.
        seconds: float. How long.
        meanwhile: optional function, called when half of it is over.

    Returns:
        A list of (moment, seconds, text) in order, and what was lost.
    """
    clients = [AskingThread(url, body) for _ in range(count)]
    for client in clients:
        client.start()
    try:
        time.sleep(seconds / 2)
        if meanwhile is not None:
            meanwhile()
        time.sleep(seconds / 2)
    finally:
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()
    answers = sorted(each for client in clients for each in client.answers)
    return answers, [each for client in clients for each in client.lost]


def ask(url, body=None):
    """Returns the status and the JSON of one request."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    connection.request("GET" if body is None else "POST", place.path, body)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def peak_megabytes(process):
    """Returns the most memory that a process has had, on Linux."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / 1024
