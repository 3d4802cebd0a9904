"""Is the API reference built of the docstrings, without a warning?"""

import pathlib
import runpy

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_reference_has_a_page_for_each_room(tmp_path):
    pytest.importorskip("pdoc")

    runpy.run_path(str(ROOT / ".ci" / "docs"))["build"](tmp_path)

    pages = {path.stem for path in (tmp_path / "aet_keras").glob("*.html")}
    rooms = ROOT.glob("aet_keras/[a-z]*/__init__.py")
    assert {path.parent.name for path in rooms} - pages == {"cli"}
    text = (tmp_path / "aet_keras" / "callbacks.html").read_text()
    assert "ElasticFreezing" in text and "Defaults to" in text
