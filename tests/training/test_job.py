"""Is a recipe that no job knows refused?"""

import dataclasses

import pytest

from aet_keras import recipes, training


@dataclasses.dataclass(frozen=True)
class Unknown(recipes.base_recipe.BaseRecipe):
    data: str


def test_a_recipe_of_no_kind_is_refused(tmp_path):
    with pytest.raises(TypeError, match="must be a Recipe.*Received: Unknown"):
        training.run_recipe(Unknown("digits"), tmp_path)

    assert not any(tmp_path.iterdir())
