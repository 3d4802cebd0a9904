"""Can a run on texts be repeated from what is written down?"""

import pytest

from aet_keras.recipes import TextRecipe


def test_a_recipe_comes_back_from_its_file(tmp_path):
    recipe = TextRecipe(
        "reviews.csv",
        text_column="Review",
        pooling="attention",
        thaw={"policy": "ThawOnSchedule", "every_epochs": 2},
        encoding="latin-1",
    )

    recipe.save(tmp_path / "recipe.json")

    assert TextRecipe.load(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("settings", "error", "advice"),
    [
        ({"pooling": "max"}, ValueError, "one of 'mean', 'attention'"),
        ({"sequence_length": 2}, ValueError, "at least 3"),
        ({"epochs": 0}, ValueError, "at least 1"),
        ({"text_column": 3}, TypeError, "`text_column` must be a `str`"),
        ({"validation_ratio": 0}, ValueError, "above 0"),
        ({"anchor_strength": -1.0}, ValueError, "above 0"),
        ({"average_power": -1.0}, ValueError, "at least 0"),
        ({"thaw": {"policy": "WarmupCosine"}}, ValueError, "no policy `Warm"),
        (
            {"label_columns": ["a"], "label_column": "b"},
            ValueError,
            "`label_column` .* must be left out here",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_argument_out_of_range_is_refused(settings, error, advice):
    with pytest.raises(error, match=advice):
        TextRecipe("reviews.csv", **settings)
