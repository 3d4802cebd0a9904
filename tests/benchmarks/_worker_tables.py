"""Tables of replay by several workers, printed by `workers.py`."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
# The processes that are started import from here, too.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
)

import _worker_replays  # noqa: E402
import distributed_replays  # noqa: E402
import numpy as np  # noqa: E402
import worker_groups  # noqa: E402

from aet_keras import _processes  # noqa: E402

SHAPES = "even", "uneven", "a worker without rows at the end"
ROWS, BATCH = 512, 32
MACHINES = 2, 4, 8, 16
RATES = 1, 10  # Gbit/s


class Groups:
    """Starts so many processes once, and has them run functions."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self._made = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def run(self, count, function, *arguments):
        """Returns what a function returns in each of some processes."""
        if count not in self._made:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            # As `fit --workers` starts them; `fit` alone is started by a user.
            more = _processes.KEEP_MEMORY if count > 1 else {}
            self._made[count] = worker_groups.Group(count, folder, more)
            self._stack.callback(self._made[count].close)
        return self._made[count].run(function, *arguments, seconds=1800)


def replay(groups, counts):
    """Prints weights, decoded rows, and seconds of replayed epochs."""
    alone = None
    print("largest difference of a weight: between workers, to one process")
    print(f"{'workers':>7}  {'':8} " + "".join(f"{s:>36}" for s in SHAPES))
    for count in counts:
        for is_plain in (True, False):
            ended = groups.run(count, _worker_replays.runs, SHAPES, is_plain)
            alone = ended[0] if alone is None else alone
            cells = [
                f"{_apart(ended, n):.1e} {_beside(ended, alone, n):.1e}"
                for n in range(len(SHAPES))
            ]
            kind = "plain" if is_plain else "replayed"
            print(f"{count:7}  {kind:8} " + "".join(f"{c:>36}" for c in cells))
    print(
        f"\nrows decoded by each worker in 3 epochs, of "
        f"{distributed_replays.COUNT} rows and 21 of validation, batch "
        f"{distributed_replays.BATCH}"
    )
    for count in counts:
        counted = groups.run(count, distributed_replays.decoded_counts)
        shown = "; ".join(f"{train} and {held}" for train, held, _ in counted)
        print(f"{count:7}  {shown}")


def _apart(ended, number):
    return max(
        np.abs(one - other).max()
        for each in ended
        for one, other in zip(ended[0][number], each[number], strict=True)
    )


def _beside(ended, alone, number):
    return max(
        np.abs(one - other).max()
        for one, other in zip(ended[0][number], alone[number], strict=True)
    )


def send(groups, kinds):
    """Prints bytes a step, seconds of epochs, and what follows for machines."""
    sizes = groups.run(2, _worker_replays.reduced_bytes, kinds)[0]
    one = groups.run(1, _worker_replays.epochs, ROWS, BATCH, kinds)[0]
    two = groups.run(2, _worker_replays.epochs, ROWS, BATCH, kinds)
    moving = _worker_replays.MOVING[:kinds]
    print(f"an epoch of {ROWS} rows, batch {BATCH}; `all` is not replayed")
    print(
        f"{'moves':12} {'reduced MB':>10} {'moving MB':>10}  "
        f"processor seconds: {'1 process':>10} {'2 workers':>10} {'ratio':>6}"
    )
    for place, name in enumerate(moving):
        reduced, weights = sizes[place]
        single = one[place][1]
        double = sum(each[place][1] for each in two)
        print(
            f"{name:12} {reduced / 1e6:10.3f} {weights / 1e6:10.3f}  "
            f"{'':18} {single:10.3f} {double:10.3f} {double / single:6.2f}"
        )
    steps = ROWS / BATCH
    print(
        "\na formula, not measured: seconds of a step of N machines = s / N + "
        "2 (N - 1) / N * bytes / rate,\nwith s the measured processor seconds "
        "of one process a step; latency and overlap are left out"
    )
    header = "".join(
        f"{f'{n} at {rate} Gbit/s':>16}" for rate in RATES for n in MACHINES
    )
    print(f"{'moves':12} {'1 machine':>10}{header}")
    for place, name in enumerate(moving):
        seconds = one[place][1] / steps
        cells = "".join(
            f"{_predicted(seconds, sizes[place][0], n, rate):16.4f}"
            for rate in RATES
            for n in MACHINES
        )
        print(f"{name:12} {seconds:10.4f}{cells}")


def _predicted(seconds, size, count, rate):
    sent = 2 * (count - 1) / count * size
    return seconds / count + sent * 8 / (rate * 1e9)
