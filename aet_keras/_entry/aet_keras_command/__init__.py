"""Starts the command `aet-keras`, before Keras and TensorFlow load.

`import aet_keras` loads Keras, which loads TensorFlow, which reads its
settings and prints lines of its own. A module of that package would come too
late, and the package itself has nothing to set for those who import it.

Help, the version, completion and a mistyped option need no Keras. While
`is_starting` is true, `import aet_keras` loads none; each command loads what
it needs, within `quiet_start`, when it runs.
"""

import io
import os
import sys

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
    _print_all_signs()
    try:
        from aet_keras.cli import main
    except ImportError as error:
        sys.exit(f"aet-keras: {error}")
    finally:
        is_starting = False
    main(prog_name="aet-keras")


def _print_all_signs():
    """Has a sign that the output cannot hold printed as `\\u0142`.

    The name of a class or file must not end a run.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
