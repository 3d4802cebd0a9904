"""Does what the documentation shows run, and print what it says?"""

import doctest
import importlib
import pathlib
import re

import image_models
import keras
import numpy as np
import pytest

import aet_keras

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "aet_keras"
README = ROOT / "README.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.M | re.S)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


# Their examples train; tests/cli/test_end_to_end.py has the real backbone.
WITH_SMALL_BACKBONE = {
    "aet_keras.training.image_job",
    "aet_keras.training.run",
    "aet_keras.tuning.recipe_search",
}
# It shows what decodes images in a SavedModel; others write one beside.
WITH_REAL_DECODER = "aet_keras.export.image_model"
NAMES = sorted(module_name(path) for path in PACKAGE.rglob("*.py"))
PUBLIC = [name for name in NAMES if "._" not in name]


def snippets(text):
    """Returns (first line number, code) of each Python fence."""
    found = []
    for fence in FENCE.finditer(text):
        info = fence["info"].strip()
        if not info.startswith("python"):
            continue
        assert info == "python", f"a Python snippet runs, always: ```{info}"
        line = text.count("\n", 0, fence.start("code"))
        found.append((line, fence["code"]))
    return found


def load_small(name=None, *, weights=None, image_size):
    """Stands for `load_backbone`: three convolutions trace in no time."""
    return image_models.backbone(size=image_size[0])


@pytest.mark.parametrize("name", PUBLIC)
def test_the_examples_of_a_module_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name in WITH_SMALL_BACKBONE:
        monkeypatch.setattr("aet_keras.backbones.load_backbone", load_small)
    if name != WITH_REAL_DECODER:
        image_models.export_shortly(monkeypatch)
    module = importlib.import_module(name)
    names = {"aet_keras": aet_keras, "keras": keras, "np": np}
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    said = []

    for test in doctest.DocTestFinder().find(module, globs=names):
        runner.run(test, out=said.append)

    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_the_snippets_of_the_readme_run_in_order(tmp_path, monkeypatch):
    if not README.exists():
        pytest.skip(f"{README} does not exist")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}

    for line, code in snippets(README.read_text()):
        padded = "\n" * line + code  # so that a traceback names the line
        exec(compile(padded, README, "exec"), names)


def test_only_python_fences_are_run():
    text = "```bash\nls\n```\n\n```python\nx = 1\n```\n"

    assert snippets(text) == [(5, "x = 1\n")]


def test_a_snippet_that_asks_not_to_run_is_refused():
    with pytest.raises(AssertionError, match="runs, always"):
        snippets("```python no-run\nx = 1\n```\n")
