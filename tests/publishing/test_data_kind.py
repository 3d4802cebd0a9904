"""Is the kind of data read where it is written, and else proved?"""

import json

import pytest

from aet_keras import recipes
from aet_keras.errors import ExportError
from aet_keras.publishing.data_kind import KINDS, find_kind, read_kind
from aet_keras.recipes.kinds import KINDS as RECIPES

# What 0.9.0 and 0.10.0 wrote down for each kind.
OLD_RECIPES = {
    "image": {"data": "digits", "image_size": 64},
    "text": {"data": "a.csv", "text_column": "text"},
    "table": {"data": "a.csv", "target": "paid"},
    "rating": {"data": "a.csv", "item": "film"},
}
OLD_MANIFESTS = {
    "image": {"serving_default": {"inputs": {"images": {}}}},
    "text": {"serving_default": {"inputs": {"texts": {}}}},
    "rating": {"serving_default": {"inputs": {"user": {}}}, "top_k": {}},
}


def test_each_kind_has_its_recipe():
    assert tuple(RECIPES) == KINDS


@pytest.mark.parametrize("kind", OLD_RECIPES)
@pytest.mark.parametrize("file", ["recipe.json", "report.json"])
def test_a_kind_that_is_written_is_read(tmp_path, file, kind):
    (tmp_path / file).write_text(json.dumps({"kind": kind}))

    assert read_kind(tmp_path, "explain") == kind


@pytest.mark.parametrize("kind", OLD_RECIPES)
def test_an_older_recipe_proves_its_kind(tmp_path, kind):
    (tmp_path / "recipe.json").write_text(json.dumps(OLD_RECIPES[kind]))

    assert read_kind(tmp_path, "explain") == kind
    assert recipes.load_recipe(tmp_path / "recipe.json").kind == kind


@pytest.mark.parametrize("kind", OLD_MANIFESTS)
def test_an_older_manifest_proves_its_kind(kind):
    assert find_kind({"signatures": OLD_MANIFESTS[kind]}) == kind
    assert find_kind({"table": {"columns": []}}) == "table"


def test_a_new_recipe_says_its_kind(tmp_path):
    path = tmp_path / "recipe.json"
    recipes.TableRecipe("a.csv", "paid").save(path)

    assert json.loads(path.read_text())["kind"] == "table"
    assert recipes.load_recipe(path) == recipes.TableRecipe("a.csv", "paid")


@pytest.mark.parametrize(
    ("content", "error", "advice"),
    [
        ("{", ValueError, "explain: a recipe must be a JSON file"),
        ('{"kind": "sound"}', ValueError, "one of 'image', 'text', 'table'"),
        ('{"data": "a"}', ExportError, "Name the folder that `aet-keras fit`"),
    ],
    ids=["damaged", "unknown", "nothing said"],
)
def test_what_says_no_kind_is_not_taken_for_images(
    tmp_path, content, error, advice
):
    (tmp_path / "recipe.json").write_text(content)

    with pytest.raises(error, match=advice):
        read_kind(tmp_path, "explain")


def test_a_kind_decides_over_a_setting(tmp_path):
    said = {"kind": "text", "data": "a.csv", "target": "paid"}

    with pytest.raises(ValueError, match="`--target`.*of images and tables"):
        recipes.kinds.make_recipe(said)
