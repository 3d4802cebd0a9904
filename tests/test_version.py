"""Is the version the same wherever it is told?"""

import importlib.metadata
import importlib.resources
import re

import aet_keras

CHANGES = importlib.resources.files("aet_keras") / "CHANGES.md"
HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", re.M)


def test_the_top_of_the_changes_is_this_version():
    versions = HEADING.findall(CHANGES.read_text(encoding="utf-8"))

    assert versions[0] == aet_keras.__version__


def test_the_installed_package_is_this_version():
    installed = importlib.metadata.version("aet-keras")

    assert installed == aet_keras.__version__


def test_every_heading_of_the_changes_is_a_version_with_its_day():
    text = CHANGES.read_text(encoding="utf-8")

    assert text.count("\n## ") == len(HEADING.findall(text))
