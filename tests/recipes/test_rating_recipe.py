"""Is a recipe for ratings written down whole, and checked?"""

import pytest

from aet_keras import recipes


def test_a_recipe_survives_its_file(tmp_path):
    recipe = recipes.RatingRecipe(
        "films.csv", item_features=("decade",), epochs=3
    )

    recipe.save(tmp_path / "recipe.json")

    assert recipes.RatingRecipe.load(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"split": "last"}, "leave_last_out"),
        ({"factors": 0}, "at least 1"),
        ({"factor_strength": -1.0}, "at least 0"),
        ({"rate": {"policy": "ThawAll"}}, "RatingRecipe"),
        ({"test_ratio": 0.0}, "above 0"),
    ],
    ids=["split", "factors", "strength", "rate", "ratio"],
)
def test_arguments_out_of_range_are_refused(arguments, advice):
    with pytest.raises(ValueError, match=advice):
        recipes.RatingRecipe("films.csv", **arguments)
