"""Settings and fixtures of every test."""

import gc
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TF is imported
os.environ.setdefault("MPLBACKEND", "Agg")
# Small models in a process a core: more threads only wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
# To set up kernels of oneDNN takes longer than what small models compute.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import durations
import keras
import lean_charts
import lean_exports
import lean_steps
import lean_tables
import lean_tensorflow
import numpy as np
import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path(os.environ.get("AET_DATA", ROOT / ".." / "shared" / "data"))

# Keras turns variables into arrays in the old way; NumPy 2 says so each time.
KERAS_WARNING = (
    "ignore:__array__ implementation doesn't accept a copy keyword"
    ":DeprecationWarning"
)


DRAWN = {}  # the state of each file's `RANDOM` when it was imported


# Two virtual CPUs, so that a MirroredStrategy has replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


def pytest_addoption(parser):
    parser.addoption(
        "--store-durations",
        action="store_true",
        help="write tests/durations.json anew (run the whole suite)",
    )


def pytest_configure(config):
    if config.getoption("--store-durations") and not hasattr(
        config, "workerinput"
    ):
        config.pluginmanager.register(durations.Recorder())
    lean_tensorflow.trace_faster()
    config.addinivalue_line("filterwarnings", KERAS_WARNING)
    config.addinivalue_line(
        "markers", "tuned: runs graphs and reads data as users do, optimized"
    )
    config.addinivalue_line("markers", "drawn: renders the charts of a run")
    # To free what was traced is a seventh of the whole run, if it is done
    # whenever Python would.
    gc.disable()


@pytest.hookimpl(tryfirst=True)  # marks count before `-m` is applied
def pytest_collection_modifyitems(items):
    """Marks slow tests and puts long files first."""
    durations.mark_and_sort(items)


def begin_anew(module):
    """Has each test of a file draw the same, whichever ran before it."""
    generator = getattr(module, "RANDOM", None)
    if isinstance(generator, np.random.Generator):
        state = DRAWN.setdefault(module, generator.bit_generator.state)
        generator.bit_generator.state = state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Spares a test what only long runs need; a new file starts anew."""
    begin_anew(item.module)
    is_tuned = item.get_closest_marker("tuned") is not None
    lean_tensorflow.tune_pipelines(is_tuned)
    lean_tensorflow.optimize_graphs(is_tuned)
    lean_charts.render(item)
    lean_steps.shorten(item)
    lean_exports.shorten(item)
    lean_tables.tune(item)
    result = yield
    if nextitem is None or nextitem.path != item.path:
        keras.utils.clear_session(free_memory=False)
        lean_tensorflow.forget_functions()
    return result


@pytest.fixture(autouse=True)
def clean_keras():
    """Seeds random numbers, and hands global state back as it was."""
    policy = keras.config.dtype_policy()
    with lean_tensorflow.kept_kernels():
        keras.utils.set_random_seed(0)
    gc.freeze()  # a test that collects goes through its own objects alone

    yield

    with lean_tensorflow.kept_kernels():
        keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def unserved(monkeypatch):
    """Leaves out the SavedModel of what a test publishes."""
    lean_exports.leave_out(monkeypatch)


@pytest.fixture
def shared_data():
    """Returns the path of a file of real data, or skips with its name."""

    def find(name):
        path = DATA / name
        if not path.exists():
            pytest.skip(f"{path} is missing; AET_DATA names its folder")
        return path

    return find
