"""Does an old name still work, and say what the new one is?"""

import inspect
import pathlib

import pytest

import aet_keras
from aet_keras._renamed import renamed, renamed_arguments

find = renamed("aet_keras.old", {"OldPath": "pathlib.Path"})


def test_an_old_name_is_the_new_thing_and_warns():
    with pytest.warns(DeprecationWarning, match="is now `pathlib.Path`") as w:
        found = find("OldPath")

    assert found is pathlib.Path
    assert w[0].filename == __file__


def test_a_name_that_has_moved_keeps_its_own_name():
    moved = {"aet_keras.layers": ["SoftAttention"], "deep": ["Other"]}
    find = renamed("aet_keras.old", moved=moved)

    with pytest.warns(DeprecationWarning, match="is now `aet_keras.layers.S"):
        assert find("SoftAttention") is aet_keras.layers.SoftAttention
    with (
        pytest.warns(DeprecationWarning, match="`aet_keras.old.deep.Other`"),
        pytest.raises(ModuleNotFoundError),
    ):
        find("Other")


def test_a_name_that_never_was_is_missing():
    with pytest.raises(AttributeError, match="'aet_keras.old'.*'Nothing'"):
        find("Nothing")


def maps():
    """Yields each room that has old names, with the names."""
    for name in aet_keras.__all__:
        room = getattr(aet_keras, name)
        for each in ("__getattr__", "_find_moved"):
            find = getattr(room, "__dict__", {}).get(each)
            held = inspect.getclosurevars(find).nonlocals if find else {}
            if "names" in held:
                yield room.__name__, find, held["names"]


def test_every_old_name_is_somewhere_else_now():
    rooms = list(maps())

    assert len(rooms) >= 10
    for _, find, names in rooms:
        for old in names:
            with pytest.warns(DeprecationWarning, match="is now"):
                find(old)


@renamed_arguments(pictures="images")
def shown(*, images=None):
    """Returns what it is given."""
    return images


def test_an_old_argument_is_the_new_one_and_warns():
    with pytest.warns(DeprecationWarning, match=r"`shown\(images=\)`") as w:
        assert shown(pictures=3) == 3

    assert w[0].filename == __file__
    assert shown(images=4) == 4
    assert str(inspect.signature(shown)) == "(*, images=None)"


def test_an_argument_is_not_taken_under_both_names():
    with pytest.raises(TypeError, match="shown: `images` must be given once"):
        shown(pictures=3, images=4)


def test_limits_keep_the_old_name_of_pixels():
    Limits = aet_keras.serving.Limits

    with pytest.warns(DeprecationWarning, match=r"`Limits\(image_pixels=\)`"):
        limits = Limits(picture_pixels=9)

    assert limits == Limits(image_pixels=9)
    with pytest.warns(DeprecationWarning, match="`Limits.image_pixels`"):
        assert limits.picture_pixels == 9
    assert "image_pixels" in inspect.signature(Limits).parameters
