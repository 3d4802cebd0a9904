"""Refusals: a status and one sentence for the client."""

import re
from http import HTTPStatus

import tensorflow as tf


class Refusal(Exception):
    """Ends a request with a status and one sentence.

    Args:
        status: HTTPStatus, 400 or above.
        sentence: str. What the client may do about it.
    """

    def __init__(self, status: HTTPStatus, sentence: str):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def bad_request(sentence: str) -> Refusal:
    """Returns the refusal of a body that does not fit."""
    return Refusal(HTTPStatus.BAD_REQUEST, sentence)


def shown(value: object) -> str:
    """Returns a value as a sentence can hold it: its start."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


_STATUSES = {
    tf.errors.InvalidArgumentError: HTTPStatus.BAD_REQUEST,
    tf.errors.FailedPreconditionError: HTTPStatus.BAD_REQUEST,
    tf.errors.OutOfRangeError: HTTPStatus.BAD_REQUEST,
    tf.errors.ResourceExhaustedError: HTTPStatus.TOO_MANY_REQUESTS,
    tf.errors.UnimplementedError: HTTPStatus.NOT_IMPLEMENTED,
    tf.errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    tf.errors.DeadlineExceededError: HTTPStatus.GATEWAY_TIMEOUT,
}
_LONGEST = 300
_ASSERTED = re.compile(r"^assertion failed: \[(.*?)\] \[(.*)\]$")
_NODE = re.compile(r"\{\{.*?\}\}\s*")
_CALLER = re.compile(r"\[\[\w+\]\]")  # a line of its own, one for each caller


def refusal(error: tf.errors.OpError) -> Refusal:
    """Returns what a client is told of an error in the graph.

    The status is the one that TensorFlow Serving maps the error's kind to.
    """
    status = _STATUSES.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    return Refusal(status, _sentence(error.message)[:_LONGEST])


def _sentence(message):
    """Returns the lines that say what is wrong, not where in the graph."""
    stripped = [
        _NODE.sub("", line.partition("[[{{")[0]).strip()
        for line in message.splitlines()
        if not line.startswith(("Graph execution error", "Detected at node"))
    ]
    lines = [
        line
        for line in stripped
        if line and not line.startswith("<stack")
        if not _CALLER.fullmatch(line)
    ]
    lines = [_ASSERTED.sub(r"\1 \2", line) for line in lines]
    return " ".join(lines[:3]) or "The model refused the request."


def first_line(error: BaseException) -> str:
    """Returns the first line of what went wrong, or its kind."""
    message = error.message if isinstance(error, tf.errors.OpError) else ""
    first = _sentence(message or str(error)).rstrip(".")
    return first if str(error).strip() else type(error).__name__
