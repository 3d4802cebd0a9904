"""Does a recipe hold what is said of the cells of a file?"""

import json

import pytest

from aet_keras import recipes

CELLS = {
    "missing": ["None", "-999"],
    "decimal": ",",
    "date_formats": ["%d.%m.%Y"],
}


@pytest.mark.parametrize(
    "about",
    [{"target": "paid"}, {"user": "reader"}],
    ids=["a table", "ratings"],
)
def test_what_is_said_of_cells_is_written_down(tmp_path, about):
    recipe = recipes.kinds.make_recipe({"data": "a.csv", **about, **CELLS})
    recipe.save(tmp_path / "recipe.json")

    assert json.loads((tmp_path / "recipe.json").read_text()).items() >= (
        CELLS.items()
    )
    assert recipes.load_recipe(tmp_path / "recipe.json") == recipe
    assert recipe.missing == ("None", "-999")


@pytest.mark.parametrize(
    ("setting", "error", "advice"),
    [
        ({"date_formats": ["%m/%d"]}, ValueError, "as `%d.%m.%Y` does"),
        ({"decimal": ";"}, ValueError, "one of '.', ','"),
        ({"missing": "None"}, TypeError, "list"),
        ({"missing": [None]}, TypeError, "`str`"),
    ],
    ids=["a format", "a sign", "no list", "no word"],
)
def test_what_cannot_be_said_of_cells_is_refused(setting, error, advice):
    with pytest.raises(error, match=advice):
        recipes.TableRecipe("a.csv", "paid", **setting)


@pytest.mark.parametrize("name", CELLS)
def test_an_earlier_model_reads_cells_as_it_did(name):
    with pytest.raises(ValueError, match=f"`{name}` must not go with `from_`"):
        recipes.TableRecipe(
            "a.csv", "paid", from_="saved", **{name: CELLS[name]}
        )


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"target": "paid", "anchor_strength": 3.0}, "anchor_strength"),
        ({"label_columns": ["a"], "target_kind": "number"}, "label_columns"),
    ],
)
def test_a_setting_that_changes_nothing_is_refused(settings, name):
    with pytest.raises(ValueError, match=f"`{name}` .*Leave it out"):
        recipes.TableRecipe("a.csv", **settings)


def test_a_file_from_before_numbers_means_classes(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"data": "a.csv", "target": "paid"}))

    said = recipes.load_recipe(path, {"target_kind": "number"})

    assert recipes.load_recipe(path).target_kind == "classes"
    assert recipes.TableRecipe.load(path).target_kind == "classes"
    assert said.target_kind == "number"
    assert recipes.TableRecipe("a.csv", "paid").target_kind == "auto"
