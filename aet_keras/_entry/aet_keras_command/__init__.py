"""What must be so before TensorFlow loads, when a terminal asks?

`import aet_keras` loads Keras, which loads TensorFlow, which reads its
settings and prints lines of its own. A module of that package would come too
late, and the package itself has nothing to set for those who import it.

Help, the version, completion and a mistyped option need no Keras. While
`is_starting` is true, `import aet_keras` loads none; each command loads what
it needs, within `quiet`, when it runs.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

_SETTINGS = {
    # What TensorFlow's errors say comes as exceptions; without this it comes
    # a second time, from C++, with the bytes of a client in it.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # TensorFlow itself sets this for some processors. On those without
    # AVX-512 a step of MobileNetV2 takes 0.55 to 0.85 of the time with it.
    "TF_ENABLE_ONEDNN_OPTS": "1",
}

is_starting = False


def main() -> None:
    """Runs `aet-keras`; what is set in the environment stays as it is."""
    global is_starting
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    is_starting = True
    try:
        from aet_keras.cli import main
    finally:
        is_starting = False
    main(prog_name="aet-keras")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds back what libraries print while they load.

    They write to the file descriptor, before any log level is read. If the
    import fails, what they said is shown.
    """
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
