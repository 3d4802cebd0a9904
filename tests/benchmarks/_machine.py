"""Where, and with what, was this measured?"""

import importlib.metadata
import os
import pathlib
import platform
import time

import numpy as np

# TensorFlow leaves oneDNN off where a CPU has no AVX-512. It makes a step of
# MobileNetV2 1.5 to 1.8 times faster there, for every row alike.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("AET_DATA", ROOT / ".." / "shared" / "data"))


def describe():
    """Returns one line on the machine and the versions."""
    names = ("aet-keras", "keras", "tensorflow", "numpy")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in names]
    load = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, "
        f"oneDNN {os.environ['TF_ENABLE_ONEDNN_OPTS']}, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )


def now():
    """Returns the seconds of the clock, and those of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def spread(values):
    """Returns mean, median and range of some figures, as text."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = (ordered[middle] + ordered[~middle]) / 2
    mean = sum(ordered) / len(ordered)
    return (
        f"mean {mean:.4f}  median {median:.4f}  "
        f"range {ordered[0]:.4f} to {ordered[-1]:.4f}"
    )
