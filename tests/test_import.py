"""What does a bare import cost, beyond Keras's own, and what does it set?"""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
LATE = {
    "PIL",
    "click",
    "keras_tuner",
    "matplotlib",
    "pandas",
    "rich",
    "scipy",
    "sklearn",
    "tensorflow_datasets",
    "wandb",
}
# The command sets them; for a library that is not to decide.
SETTINGS = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
PROGRAM = f"""
import os, sys
import keras
before = set(sys.modules)
import aet_keras
print(*sorted(set(sys.modules) - before))
print([os.environ.get(name) for name in {SETTINGS}])
before = set(sys.modules)
from aet_keras.publishing import newest_version
try: newest_version(sys.argv[1])
except Exception as error: print(error)
print(*sorted(set(sys.modules) - before))
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Returns what a new process says of what it has loaded."""
    kept = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path_factory.mktemp("none"))],
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def packages(line):
    return {name.partition(".")[0] for name in line.split()}


def test_a_bare_import_pulls_no_package_that_enters_late(lines):
    assert len(lines) == 4  # nothing else is printed
    assert "aet_keras" in packages(lines[0])
    assert not packages(lines[0]) & LATE


def test_a_library_user_gets_no_settings(lines):
    assert lines[1] == "[None, None]"


def test_a_folder_without_a_version_is_said_before_more_is_loaded(lines):
    added = lines[3].split()

    assert "must hold versions" in lines[2]
    assert not packages(lines[3]) & {"keras", "tensorflow"}
    rooms = {name.split(".")[1] for name in added if "aet_keras." in name}
    assert not rooms & {"data", "export"}
