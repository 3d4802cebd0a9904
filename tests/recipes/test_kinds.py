"""Do settings say which kind of data they are for?"""

import json

import pytest

from aet_keras import recipes
from aet_keras.errors import DataError


def test_images_are_the_usual_kind():
    recipe = recipes.kinds.make_recipe({"data": "digits", "epochs": 3})

    assert recipe == recipes.Recipe("digits", epochs=3)


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ({"text_column": "review"}, recipes.TextRecipe),
        ({"target": "paid"}, recipes.TableRecipe),
        ({"user": "reader"}, recipes.RatingRecipe),
        ({"image_size": 8}, recipes.Recipe),
    ],
    ids=["texts", "tables", "ratings", "images"],
)
def test_a_setting_of_one_kind_decides(setting, kind):
    made = recipes.kinds.make_recipe({"data": "rows.csv", **setting})

    assert type(made) is kind


def test_a_folder_of_texts_is_known_by_its_files(tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "1.txt").write_text("a film")

    made = recipes.kinds.make_recipe({"data": str(tmp_path)})

    assert isinstance(made, recipes.TextRecipe)


def test_a_note_among_images_makes_no_texts_of_them(tmp_path):
    (tmp_path / "README.txt").write_text("who took them")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()

    assert (
        type(recipes.kinds.make_recipe({"data": str(tmp_path)}))
        is recipes.Recipe
    )


def test_the_reviews_of_tfds_are_texts():
    made = recipes.kinds.make_recipe({"data": "tfds:imdb_reviews/plain_text"})

    assert isinstance(made, recipes.TextRecipe)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"data": "a.csv"}, "said which columns.*`--target`"),
        (
            {"data": "a", "image_size": 8, "text_column": "a"},
            "one kind of data",
        ),
        ({"data": "a", "text_colum": "a"}, "Nearest: `text_column`"),
        (
            {"data": "tfds:imdb_reviews", "weights": "none", "pooling": "mean"},
            "`weights` .* of images and `pooling` .* of texts",
        ),
    ],
    ids=["columns not named", "two kinds", "a typo", "a foreign one"],
)
def test_settings_that_do_not_go_together_are_refused(settings, advice):
    with pytest.raises(ValueError, match=advice):
        recipes.kinds.make_recipe(settings)


@pytest.mark.parametrize("settings", [{"target": "y"}, {"text_column": "t"}])
def test_a_workbook_is_told_what_a_table_is(settings):
    with pytest.raises(DataError, match="a table must be a .csv.*Save it as"):
        recipes.kinds.make_recipe({"data": "sales.XLSX", **settings})


def test_a_recipe_of_any_kind_is_read_again(tmp_path):
    path = tmp_path / "recipe.json"
    recipes.TextRecipe("a.csv", epochs=3).save(path)

    recipe = recipes.load_recipe(path, {"seed": 4})

    assert recipe == recipes.TextRecipe("a.csv", epochs=3, seed=4)


def test_a_file_that_names_no_data_is_refused(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"epochs": 3}))

    with pytest.raises(ValueError, match="says at least its `data`"):
        recipes.load_recipe(path)
