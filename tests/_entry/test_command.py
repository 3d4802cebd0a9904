"""Does the command say nothing but what we say, and set what it must?

What a library user gets: tests/test_import.py.
"""

import os
import pathlib
import re
import subprocess
import sys

import aet_keras

IMPORT = re.compile(r"^\s*(from|import) aet_keras_command", re.MULTILINE)
SETTINGS = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
SETS = f"""
import os, sys, aet_keras_command
assert "aet_keras" not in sys.modules
sys.argv = ["aet-keras", "--version"]
try:
    aet_keras_command.main()
finally:
    print([os.environ[name] for name in {SETTINGS}])
"""


def run(program, **settings):
    kept = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=kept | settings,
        capture_output=True,
        text=True,
        check=True,
    )


def test_what_a_user_set_stays_and_stderr_is_empty():
    done = run(SETS, TF_ENABLE_ONEDNN_OPTS="0")

    said, settings = done.stdout.splitlines()
    assert said.startswith("aet-keras ")
    assert settings == "['3', '0']"
    assert done.stderr == ""


def test_a_sign_that_the_output_cannot_hold_is_escaped():
    program = """import aet_keras_command, sys
aet_keras_command._print_all_signs()
print("\\u0142")"""
    done = run(program, PYTHONIOENCODING="ascii")

    assert done.stdout == "\\u0142\n"


def test_nothing_that_it_starts_imports_it():
    package = pathlib.Path(aet_keras.__file__).parent
    files = [p for p in package.rglob("*.py") if "_entry" not in p.parts]

    importing = [
        str(path.relative_to(package))
        for path in files
        if IMPORT.search(path.read_text())
    ]

    assert files and importing == []
