"""Do the names of 0.10.0 still lead to what they named, with a warning?"""

import importlib

import pytest

from aet_keras import export

MOVED = {
    "check_manifest": "publishing.check_manifest",
    "compare_export": "export.compare_image_export",
    "compare_recommender_export": "export.compare_rating_export",
    "list_versions": "publishing.list_versions",
    "publish": "publishing.publish",
    "roll_back": "publishing.roll_back",
    "write_classifier": "export.write_image_model",
    "write_recommender": "export.write_rating_model",
    "write_table_classifier": "export.write_table_model",
    "write_text_classifier": "export.write_text_model",
}


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_leads_to_the_new_one(old):
    room, _, name = MOVED[old].partition(".")
    new = getattr(importlib.import_module(f"aet_keras.{room}"), name)

    with pytest.warns(DeprecationWarning, match=f"is now `aet_keras.{room}"):
        assert getattr(export, old) is new
