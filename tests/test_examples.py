"""Does every example run, and is it one story that a newcomer can read?"""

import ast
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import pytest

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


def smoke(path, folder):
    """Runs an example as a newcomer does, but for seconds."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, path, "--smoke"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Starts the examples, two at a time: each keeps one core busy."""
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=2)
    yield {
        path: pool.submit(smoke, path, tmp_path_factory.mktemp(path.stem))
        for path in EXAMPLES
        if not missing(path)
    }
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_an_example_runs_with_smoke(path, runs):
    if missing(path):
        pytest.skip(f"{missing(path)[0]} is missing")

    done = runs[path].result()

    assert done.returncode == 0, done.stderr[-3000:]
