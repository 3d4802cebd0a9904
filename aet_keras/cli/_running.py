"""Starts a command without Keras; ends it with a sentence and a code."""

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator

from aet_keras import _check as check
from aet_keras import _processes
from aet_keras.errors import AetError

FAILED = 1
MISUSED = 2
# What Keras loads wherever it is installed: for scikit-learn's wrappers, for
# tables given to `fit`, and to draw images. No command has Keras do that.
_HELD_BACK = ("matplotlib", "pandas", "sklearn")


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hides what libraries print while they load, unless loading fails.

    They write to the file descriptor, before any log level is read. Keras
    loads first, without what it would load only for wrappers that no command
    uses.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            _load_keras()
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _load_keras():
    """Loads Keras without packages that take as long as TensorFlow does.

    Keras goes without them where they are missing, and so it takes them for
    missing. They are there again afterwards, for all but Keras.
    """
    if "keras" in sys.modules:
        return
    held_back = [name for name in _HELD_BACK if name not in sys.modules]
    sys.modules.update(dict.fromkeys(held_back))  # type: ignore[arg-type]
    try:
        importlib.import_module("keras")
    finally:
        for name in held_back:
            del sys.modules[name]


def load_layers() -> None:
    """Registers our classes with Keras, as `import aet_keras` does.

    The command starts without Keras, so each command that builds or loads a
    `.keras` model calls this.
    """
    with quiet_start():
        from aet_keras import layers, losses, regularizers  # noqa: F401


@contextlib.contextmanager
def one_sentence(*, debug: bool) -> Iterator[None]:
    """Turns an exception inside into one sentence and an exit code.

    Args:
        debug: bool. Let the traceback through instead.
    """
    try:
        with _heeding_sigterm():
            yield
    except BrokenPipeError:  # `| head` has read enough
        _drop_output(sys.stdout)  # else its flush at the end would fail
        sys.exit(FAILED)
    except KeyboardInterrupt:
        _end("Interrupted, before there was anything to keep.", FAILED)
    except Exception as error:
        if debug:
            raise
        is_failure = isinstance(error, AetError)
        kept = "".join(f" {note}" for note in getattr(error, "__notes__", ()))
        if is_failure or _names_its_owner(str(error)):
            is_misuse = isinstance(error, ValueError | TypeError)
            code = MISUSED if is_misuse and not is_failure else FAILED
            _end(f"{str(error).strip()}{kept}", code)
        said = f"{check.kind_and_line(error)} (`--debug` shows where.)"
        _end(f"{said}{kept}", FAILED)


@contextlib.contextmanager
def _heeding_sigterm() -> Iterator[None]:
    """Answers SIGTERM as Ctrl-C, so that weights are kept and files removed.

    Not where something else answers it, nor in a worker of a group: that one
    starts again if a signal ends it.
    """
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        and not _processes.is_supervised()
    )
    if not is_ours:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def keeping_on_unread() -> Iterator[None]:
    """Keeps long work running when its output is closed, as by `| head`.

    Otherwise the next line would end it, and the weights would be lost.
    """
    with contextlib.redirect_stdout(_ClosableOutput(sys.stdout)):
        yield


class _ClosableOutput:
    """A standard output that may be closed; later text is dropped.

    Args:
        stream: text stream.
    """

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self):
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self):
        _drop_output(self._stream)
        print(
            "aet-keras: Nobody reads the output any more; the run goes on.",
            file=sys.stderr,
        )


def _end(sentence, code):
    print(f"aet-keras: {sentence}", file=sys.stderr)
    sys.exit(code)


def _drop_output(stream):
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _names_its_owner(sentence):
    owner, colon, _ = sentence.partition(":")
    return bool(colon) and owner.isidentifier()
