"""Does every import go down, and does nobody lean on private Keras?"""

import ast
import functools
import pathlib
import re
import subprocess

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "aet_keras"
MAP = PACKAGE / "ARCHITECTURE.md"
# Its first table: a floor, then the rooms on it.
FLOORS = [
    set(re.findall(r"`(\w+)`", row))
    for row in re.findall(r"^\| \d+ \|([^|]*)\|", MAP.read_text(), re.M)
]
TOP_LEVEL = {
    "LICENSE",
    "NOTICE",
    "README.md",
    "aet_keras",
    "examples",
    "pyproject.toml",
    "saved_models",
    "setup.cfg",
    "tests",
}
NEVER = {
    "_compile_loss",
    "_compile_metrics",
    "_functional",
    "_inbound_nodes",
    "_keras_history",
    "_keras_mask",
    "_layers",
    "_loss_tracker",
    "_operations",
    "_symbolic_build",
    "_tracker",
    "_trainable_variables",
    "_trainable_variables_indices",
}
PUBLIC_IN_DISGUISE = {"_asdict", "_fields", "_make", "_replace"}  # namedtuple
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE)
FILES += sorted(p for p in PACKAGE.glob("*.py") if p.name != "__init__.py")
IDS = [str(path.relative_to(PACKAGE)) for path in FILES]


def room_of(path):
    """Returns the first name below the package: a folder's or a file's."""
    return pathlib.Path(path.relative_to(PACKAGE).parts[0]).stem


def floor_of(room):
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def is_module(name):
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()


@functools.cache  # by all the tests below
def nodes(source):
    return tuple(ast.walk(ast.parse(source)))


def imported(source):
    """Yields `aet_keras.x.y` or another dotted name for every import."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield "a relative import"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(source, room):
    """Returns a sentence for each import that does not go down."""
    wrong = []
    for name in imported(source):
        if name == "a relative import":
            wrong.append("imports are absolute, so that a floor can be read")
        if name.split(".")[0] != "aet_keras":
            continue
        target = name.split(".")[1] if "." in name else None
        if target is None or not is_module(target):
            wrong.append(f"`{name}` is the package root; import the module")
        elif target != room and floor_of(target) >= max(1, floor_of(room)):
            wrong.append(f"`{room}` may not import `{name}`: not a lower floor")
    return wrong


def is_private(name):
    public = name.startswith("__") or name in PUBLIC_IN_DISGUISE
    return name.startswith("_") and name != "_" and not public


def reached_into(source):
    """Yields (owner, private name) for every look into an object."""
    for node in nodes(source):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield ast.unparse(node.value), node.attr
        if isinstance(node, ast.Call) and len(node.args) > 1:
            name = getattr(node.args[1], "value", None)
            name_of = getattr(node.func, "id", None)
            asks = name_of in ("getattr", "setattr", "hasattr")
            if asks and isinstance(name, str) and is_private(name):
                yield ast.unparse(node.args[0]), name


def defined(source):
    """Yields the names that a file makes itself, on itself."""
    for node in nodes(source):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(
            node.ctx, ast.Store
        ):
            mine = ast.unparse(node.value) in ("self", "cls")
            if mine or node.attr.startswith("_aet"):
                yield node.attr


def keras_private():
    """Returns the private names of the Keras objects that we meet."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
    met = [model, model.layers[0], model.weights[0], model.optimizer]
    met += [model.inputs[0], keras.callbacks.CallbackList()]
    return {name for each in met for name in dir(each) if is_private(name)}


def wrong_names(source, own, theirs):
    """Returns a sentence for each private name that is not ours."""
    wrong = [
        f"`{name}` is private to Keras"
        for name in imported(source)
        if name.startswith("keras.src")
    ]
    for owner, name in reached_into(source):
        foreign = name in theirs and owner not in ("self", "cls")
        if name in NEVER or name not in own or foreign:
            wrong.append(f"`{owner}.{name}` is private to somebody else")
    return wrong


@pytest.fixture(scope="module")
def own():
    rooms = (p for p in FILES if room_of(p) != "_keras")
    modules = {path.stem for path in FILES}
    return modules.union(*(defined(p.read_text()) for p in rooms))


@pytest.fixture(scope="module")
def theirs():
    return keras_private()


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path in FILES}

    homeless = rooms.difference(*FLOORS)

    assert not homeless, "give it a floor in ARCHITECTURE.md"
    assert len(rooms) == sum(map(len, FLOORS)), "a room on the map is gone"


def test_the_map_names_files_that_are_there():
    named = re.findall(r"`(\w+/[\w/]+\.py)`", MAP.read_text())

    roots = (PACKAGE, ROOT)
    gone = [
        name
        for name in named
        if not any((root / name).exists() for root in roots)
    ]

    assert named and not gone


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_file_imports_lower_floors_only(path):
    assert not wrong_imports(path.read_text(), room_of(path))


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_file_leans_on_public_names_only(path, own, theirs):
    if room_of(path) == "_keras":
        return  # the one room that may

    wrong = wrong_names(path.read_text(), own, theirs)

    assert not wrong, "give it a seam in `aet_keras/_keras/`"


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("import aet_keras", "layers"),
        ("from aet_keras import __version__", "export"),
        ("from aet_keras import callbacks", "layers"),
        ("def late():\n    from aet_keras.engine import Engine", "layers"),
        ("from aet_keras.policies import Thaw", "layers"),
        ("from . import soft_attention", "layers"),
    ],
    ids=["root", "root name", "up", "up, late", "stranger", "relative"],
)
def test_a_wrong_import_is_seen(source, room):
    assert wrong_imports(source, room)


@pytest.mark.parametrize(
    "source",
    [
        "from keras.src import ops",
        "import keras.src.ops",
        "model._compile_loss(x)",
        "self._symbolic_build(x)",
        "getattr(model, '_loss_tracker')",
        "model.optimizer._backend_variables",
        "tf._private",
    ],
)
def test_a_private_name_is_seen(source, theirs):
    assert wrong_names(source, set(), theirs)


def test_our_own_private_names_are_ours(theirs):
    source = "class A:\n    def _go(self):\n        return self._go()"

    assert not wrong_names(source, set(defined(source)), theirs)


def test_the_top_level_is_what_the_design_allows():
    if not (ROOT / ".git").exists():
        pytest.skip(f"{ROOT} is not a git checkout")
    command = ["git", "ls-files", "-z"]

    listed = subprocess.check_output(command, cwd=ROOT, text=True)

    names = {name.split("/")[0] for name in listed.split("\0") if name}
    assert {name for name in names if name[0] != "."} == TOP_LEVEL
