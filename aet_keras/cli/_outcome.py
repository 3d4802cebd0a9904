"""How does a command end: with which words, and which exit code?"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

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
    except KeyboardInterrupt:
        _end("Interrupted, before there was anything to keep.", FAILED)
    except Exception as error:
        if debug:
            raise
        if _is_ours(error):
            _end(str(error).strip(), _exit_code(error))
        _end(f"{_unexpected(error)} (`--debug` shows where.)", FAILED)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Holds back what TensorFlow's libraries print while they load.

    They write to the file descriptor, before any log level is read. If the
    import fails, what they said is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _end(sentence, code):
    print(f"aet-keras: {sentence}", file=sys.stderr)
    sys.exit(code)


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
