"""How does a command end: with which words, and which exit code?"""

import contextlib
import os
import sys
from collections.abc import Iterator

from aet_keras_command import quiet as quiet_start

__all__ = ["one_sentence", "quiet_start"]

FAILED = 1
MISUSED = 2


@contextlib.contextmanager
def one_sentence(*, debug: bool) -> Iterator[None]:
    """Turns whatever goes wrong inside into a sentence and an exit code.

    Args:
        debug: bool. Let the traceback through instead.
    """
    try:
        yield
    except BrokenPipeError:  # `| head` has read enough
        _end_quietly()
    except KeyboardInterrupt:
        _end("Interrupted, before there was anything to keep.", FAILED)
    except Exception as error:
        if debug:
            raise
        if _is_ours(error):
            _end(str(error).strip(), _exit_code(error))
        _end(f"{_unexpected(error)} (`--debug` shows where.)", FAILED)


def _end(sentence, code):
    print(f"aet-keras: {sentence}", file=sys.stderr)
    sys.exit(code)


def _end_quietly():
    """Ends; what is still to be flushed goes nowhere instead of failing."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    sys.exit(FAILED)


def _exit_code(error):
    is_misuse = isinstance(error, ValueError | TypeError)
    return MISUSED if is_misuse and not _is_failure(error) else FAILED


def _is_failure(error):
    from aet_keras.errors import AetError

    return isinstance(error, AetError)


def _is_ours(error):
    return _is_failure(error) or _names_its_owner(str(error))


def _unexpected(error):
    """Returns the first line: TensorFlow goes on for a page."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _names_its_owner(sentence):
    owner, colon, _ = sentence.partition(":")
    return bool(colon) and owner.isidentifier()
