"""Does what needs no Keras start without it?"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAVY = {"PIL", "keras", "matplotlib", "numpy", "pandas", "rich", "sklearn"}
HEAVY |= {"tensorflow"}
COMMANDS = [
    ["--help"],
    ["--version"],
    ["fit", "--help"],
    ["tune", "--help"],
    ["predict", "--help"],
    ["explain", "--help"],
    ["serve", "--help"],
    ["export", "--help"],
    ["fit", "digits", "--out", "o", "--epoch", "3"],
    ["fit", "digits", "--out", "o", "--thaw", "ThawOnStal"],
    ["fit", "--out", "o"],
    ["fit", "digits"],
    ["predict"],
    ["fti"],
]
PROGRAM = f"""
import contextlib, io, json, os, sys
import aet_keras_command

def run(arguments):
    sys.argv = ["aet-keras", *arguments]
    out, err = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            aet_keras_command.main()
        except SystemExit as end:
            code = end.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return code, *texts

done = [run(arguments) for arguments in {COMMANDS}]
os.environ["_AET_KERAS_COMPLETE"] = "bash_complete"
os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "aet-keras fit --aug", "2"
done.append(run([]))
loaded = sorted({{name.split(".")[0] for name in sys.modules}} & {HEAVY})
del os.environ["_AET_KERAS_COMPLETE"]

import aet_keras
from aet_keras.cli._running import load_layers
load_layers()
import keras
found = keras.saving.get_registered_object("aet_keras>SoftAttention")
held_back = {{"matplotlib", "pandas", "sklearn"}}
late = sorted(held_back & set(sys.modules))
import matplotlib, pandas, sklearn
print(json.dumps([done, loaded, found is not None, late]))
"""


def test_help_version_completion_and_misuse_load_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    runs, loaded, is_registered, late = json.loads(done.stdout)
    *commands, (_, completed, _) = runs

    assert loaded == []
    assert [code for code, *_ in commands] == [0] * 8 + [2] * 6
    assert all(out for code, out, _ in commands if code == 0)
    assert all(err for code, _, err in commands if code == 2)
    assert "--augment" in completed
    assert done.stderr == ""  # what TensorFlow prints was held back
    assert is_registered  # a command that asks for layers has them
    assert late == []  # what Keras would load was held back, and came then
