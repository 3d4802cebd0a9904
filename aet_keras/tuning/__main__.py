"""Takes part in a search, in a process that another one supervises.

Run as `python -m aet_keras.tuning FOLDER`.
"""

import pathlib
import signal
import sys
import traceback

from aet_keras import _processes
from aet_keras._check import first_line
from aet_keras.tuning import processes
from aet_keras.tuning._settings import Settings
from aet_keras.tuning.recipe_search import take_part

_CHIEF_SECONDS = 300.0  # it starts when its workers do


def main(folder: str) -> int:
    """Takes part in the search in a folder; returns the exit code."""
    _processes.end_with_parent()
    out, role = pathlib.Path(folder), processes.here()
    try:
        if role.is_worker:
            # Ended in order, it has not been killed by its trial.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            role.wait_for_chief(_CHIEF_SECONDS)
        take_part(Settings.load(out), out, role, lambda trial: None)
    except Exception as error:  # the last line is what a person is told
        traceback.print_exc()
        print(first_line(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
