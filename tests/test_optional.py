import email.message
import importlib.metadata
import json

import pytest

from aet_keras._optional import optional


def test_a_package_that_is_there_is_had():
    assert optional("json", extra="tracking") is json


def test_a_missing_package_is_named_with_what_installs_it():
    with pytest.raises(ImportError, match="`nowhere` must be installed"):
        optional("nowhere.inside", extra="tracking")


@pytest.mark.parametrize(
    ("provided", "command"),
    [
        ("tracking", r'`pip install "aet-keras\[tracking]"`'),
        ("text", r'`pip install "\.\[tracking]"` in the folder'),
        (None, r'`pip install "\.\[tracking]"` in the folder'),
    ],
    ids=["has the extra", "has others", "not installed"],
)
def test_the_command_is_one_that_works_here(provided, command, monkeypatch):
    def metadata(name):
        if provided is None:
            raise importlib.metadata.PackageNotFoundError(name)
        about = email.message.Message()
        about["Provides-Extra"] = provided
        return about

    monkeypatch.setattr(importlib.metadata, "metadata", metadata)

    with pytest.raises(ImportError, match=command):
        optional("nowhere", extra="tracking")
