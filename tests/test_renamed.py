"""Does an old name still work, and say what the new one is?"""

import pathlib

import pytest

from aet_keras._renamed import renamed

find = renamed("aet_keras.old", {"OldPath": "pathlib.Path"})


def test_an_old_name_is_the_new_thing_and_warns():
    with pytest.warns(DeprecationWarning, match="is now `pathlib.Path`") as w:
        found = find("OldPath")

    assert found is pathlib.Path
    assert w[0].filename == __file__


def test_a_name_that_never_was_is_missing():
    with pytest.raises(AttributeError, match="'aet_keras.old'.*'Nothing'"):
        find("Nothing")
