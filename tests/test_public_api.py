"""Is what a room lists all that is public, and is all of it explained?"""

import importlib
import inspect
import pathlib
import re
import types

import pytest

import aet_keras

PACKAGE = pathlib.Path(aet_keras.__file__).parent
ROOMS = sorted(
    path.parent.name
    for path in PACKAGE.glob("*/__init__.py")
    if not path.parent.name.startswith("_")
)
NOT_FOR_PYTHON = {"cli"}  # reached by its command


def room(name):
    return importlib.import_module(f"aet_keras.{name}")


def public(module):
    """Returns the public names in a module that are not modules."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and not is_of_the_ground(value)
    }


def is_of_the_ground(value):
    """Says whether a room only uses it to import (`renamed`, `optional`)."""
    return getattr(value, "__module__", "").startswith("aet_keras._")


def defined(module):
    """Returns the public classes and functions that a module makes."""
    return {
        name
        for name in public(module)
        if is_code(vars(module)[name])
        and vars(module)[name].__module__ == module.__name__
    }


def is_code(value):
    return inspect.isclass(value) or inspect.isfunction(value)


def needs_example(value):
    is_error = inspect.isclass(value) and issubclass(value, Exception)
    return is_code(value) and not is_error


def test_there_are_rooms():
    assert "layers" in ROOMS


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_lists_its_names_in_order(name):
    listed = room(name).__all__

    assert list(listed) == sorted(set(listed))


@pytest.mark.parametrize("name", sorted(set(ROOMS) - NOT_FOR_PYTHON))
def test_a_room_has_all_it_lists_and_lists_all_it_has(name):
    module = room(name)

    listed = set(module.__all__)

    assert {each for each in listed if not hasattr(module, each)} == set()
    assert public(module) - listed == set()


@pytest.mark.parametrize("name", ROOMS)
def test_what_is_written_for_users_is_listed(name):
    written = "\n".join(sum(map(examples, PACKAGE.rglob("*.py")), []))
    files = {path.stem for path in (PACKAGE / name).glob("*.py")}

    # A path that ends in the room is for users; what files of a room share
    # is shown by the path of its file.
    meant = set(re.findall(rf"aet_keras\.{name}\.(\w+)", written)) - files

    assert meant - set(room(name).__all__) == set()


def examples(path):
    """Returns the lines of a file that a doctest runs."""
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if line.lstrip().startswith((">>>", "..."))]


def test_an_example_has_the_heading_that_keras_has():
    texts = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}

    headings = {
        heading
        for text in texts.values()
        for heading in re.findall(r"^ *((?:For e|E)xamples?\b.*)$", text, re.M)
        if not re.fullmatch(r"Example:|Example: see `[\w/.]+`\.", heading)
    }

    assert headings == set()


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_says_what_it_is_for(name):
    assert room(name).__doc__.split("\n")[0].endswith(".")


@pytest.mark.parametrize("name", ROOMS)
def test_everything_listed_is_documented_with_an_example(name):
    module = room(name)
    values = {each: getattr(module, each) for each in module.__all__}

    silent = [k for k, v in values.items() if is_code(v) and not v.__doc__]
    unshown = [
        key
        for key, value in values.items()
        if needs_example(value) and not (shows(value) or refers(value, module))
    ]

    assert not silent
    assert not unshown, "each needs `Example:` with a line that starts `>>>`"


def shows(value):
    text = value.__doc__ or ""
    return "Example:" in text and ">>>" in text


def refers(value, module):
    """Says whether the example is that of what returns a value."""
    found = re.search(r"Example: see `(\w+)`\.", value.__doc__ or "")
    return found is not None and shows(getattr(module, found[1]))


def test_the_package_lists_its_names_in_order():
    assert list(aet_keras.__all__) == sorted(set(aet_keras.__all__))


def test_the_package_lists_every_room():
    files = {path.stem for path in PACKAGE.glob("[!_]*.py")}

    unlisted = files.union(ROOMS) - set(aet_keras.__all__)

    assert unlisted <= NOT_FOR_PYTHON


@pytest.mark.parametrize("name", aet_keras.__all__)
def test_what_the_package_lists_is_there(name):
    value = getattr(aet_keras, name)

    assert value.__doc__
    assert not needs_example(value) or shows(value)


def test_every_error_says_what_it_means():
    errors = [
        vars(aet_keras.errors)[each] for each in defined(aet_keras.errors)
    ]

    assert errors
    assert all(issubclass(error, aet_keras.errors.AetError) for error in errors)
    assert all(error.__doc__ for error in errors)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'layer'"):
        _ = aet_keras.layer


def test_no_more_is_public_than_users_need():
    count = sum(len(room(name).__all__) for name in ROOMS)

    assert count <= 124, "list a name for users; rooms import from modules"
