"""Does every example run, and is it one story that a newcomer can read?"""

import ast
import os
import pathlib
import re
import runpy
import subprocess
import sys

import image_models
import pytest
import warm_processes

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
IDS = [path.stem for path in EXAMPLES]
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
NEEDS = {
    "09_pretrain_backbone.py": [
        FASHION / "train-images-idx3-ubyte.gz",
        FASHION / "train-labels-idx1-ubyte.gz",
        FASHION / "t10k-images-idx3-ubyte.gz",
        FASHION / "t10k-labels-idx1-ubyte.gz",
    ]
}


# It compares the weights of a real backbone; the others train a small one.
WITH_REAL_BACKBONE = "02_freeze_in_your_own_fit.py"
# It sends a file to what decodes images in a SavedModel; the others do not, or
# ones that a shorter decoder reads as well.
WITH_REAL_DECODER = "07_serve_a_model.py"


def load_small(name=None, *, weights=None, image_size=(8, 8)):
    """Replaces `load_backbone`: three convolutions are traced fast."""
    return image_models.backbone(size=image_size[0])


def run_forked(command, env):
    """Replaces `subprocess.run`: a fork need not load TensorFlow again."""
    python, *command = command
    assert python == sys.executable
    with open(os.devnull, "rb") as nothing:
        process = warm_processes.start(
            *command, env=env, cwd=".", stdin=nothing.fileno(), stdout=1
        )
    return subprocess.CompletedProcess(command, process.wait())


def modules(source):
    """Yields what an example imports of ours, dotted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            if node.module == "aet_keras":
                names = (alias.name for alias in node.names)
                yield from (f"aet_keras.{name}" for name in names)


def is_public(module):
    parts = module.split(".")
    if parts[0] != "aet_keras":
        return True
    return len(parts) <= 2 and not parts[-1].startswith("_")


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_an_example_is_named_number_verb_noun(path):
    assert re.fullmatch(r"\d\d_[a-z]+(_[a-z0-9]+)+\.py", path.name)


def test_no_two_examples_share_a_number():
    numbers = [path.name[:2] for path in EXAMPLES]

    assert sorted(set(numbers)) == numbers


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_an_example_opens_with_its_question(path):
    assert "?" in ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_an_example_is_under_120_lines(path):
    assert len(path.read_text().splitlines()) < 120


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_an_example_uses_public_rooms_only(path):
    source = path.read_text()

    assert not [name for name in modules(source) if not is_public(name)]
    assert not re.search(r"aet_keras(\.\w+)*\._", source)


def missing(path):
    """Returns the files that an example needs and this machine lacks."""
    return [file for file in NEEDS.get(path.name, []) if not file.exists()]


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_an_example_runs_with_smoke(path, tmp_path, monkeypatch):
    if missing(path):
        pytest.skip(f"{missing(path)[0]} is missing")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "--smoke"])
    if path.name != WITH_REAL_BACKBONE:
        monkeypatch.setattr("aet_keras.backbones.load_backbone", load_small)
    if path.name != WITH_REAL_DECODER:
        image_models.export_shortly(monkeypatch)
    monkeypatch.setattr(subprocess, "run", run_forked)

    runpy.run_path(str(path), run_name="__main__")
