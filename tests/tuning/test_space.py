import json

import keras_tuner
import pytest

from aet_keras import callbacks
from aet_keras.recipes import Recipe
from aet_keras.tuning import ElasticSpace


def values_of(space, **chosen):
    """Returns what a space declares where some values were chosen."""
    hp = keras_tuner.HyperParameters()
    hp.values = {name.replace("__", "/"): v for name, v in chosen.items()}
    return space.declare(hp)


def test_every_default_makes_a_recipe():
    space = ElasticSpace()
    recipe = space.to_recipe(Recipe("digits"), values_of(space))

    assert recipe.thaw["policy"] == "ThawTopThenAll"
    assert recipe.rate["policy"] == "AdaptToTrend"
    assert recipe.anchor_strength is None
    assert Recipe(**recipe.to_json()) == recipe


@pytest.mark.parametrize(
    "thaw", ["ThawOnStall", "ThawOnSchedule", "ThawAll", "AttendToGradients"]
)
def test_numbers_exist_only_under_their_policy(thaw):
    values = values_of(ElasticSpace(), thaw=thaw)

    numbers = [name for name in values if name.startswith(("Thaw", "Att"))]
    assert numbers
    assert {name.split("/")[0] for name in numbers} == {thaw}


def test_the_temperature_of_attention_reaches_the_policy():
    space = ElasticSpace({"thaw": "AttendToGradients"})
    values = values_of(space, AttendToGradients__temperature=0.5)

    (freezing,) = (
        each
        for each in space.make_callbacks(values)
        if isinstance(each, callbacks.ElasticFreezing)
    )
    assert freezing.policy.temperature == 0.5


@pytest.mark.parametrize(("attention", "there"), [("se", True), ("eca", False)])
def test_a_ratio_exists_only_where_there_are_hidden_units(attention, there):
    space = ElasticSpace()
    base = Recipe("digits", attention="se", attention_ratio=2)

    recipe = space.to_recipe(base, values_of(space, attention=attention))

    assert (recipe.attention_ratio is not None) is there


def test_an_anchor_has_a_strength():
    space = ElasticSpace({"anchor_strength": 0.3})
    values = values_of(space, anchor="l2_sp")

    assert space.to_recipe(Recipe("digits"), values).anchor_strength == 0.3
    assert space.make_callbacks(values)[-1].strength == 0.3


def test_others_are_fixed_where_asked():
    space = ElasticSpace({"dropout": [0.1, 0.2]}, others="fixed")
    base = Recipe("digits", augment="strong", anchor_strength=0.2)

    recipe = space.to_recipe(base, values_of(space))

    assert space.names == ("dropout",)
    assert recipe == Recipe(
        "digits", augment="strong", anchor_strength=0.2, dropout=0.1
    )


def test_numbers_of_policies_that_are_left_out_go_with_them():
    space = ElasticSpace({"thaw": ["ThawAll"]})

    assert "ThawAll/rate_ratio" in space.names
    assert not [name for name in space.names if "ThawOnStall" in name]


def test_any_policy_that_is_made_of_numbers_may_be_chosen():
    space = ElasticSpace(
        {"thaw": "FreezeSettled", "FreezeSettled/floor": [0.05, 0.1]}
    )

    recipe = space.to_recipe(Recipe("digits"), values_of(space))

    assert recipe.thaw == {"policy": "FreezeSettled", "floor": 0.05}


def test_what_is_written_loads_the_same(tmp_path):
    space = ElasticSpace({"dropout": 0.5, "thaw": ["ThawAll"]})
    path = tmp_path / "space.json"
    path.write_text(json.dumps(space.to_json()))

    assert ElasticSpace.load(path).dimensions == space.dimensions


@pytest.mark.parametrize(
    ("dimensions", "advice"),
    [
        ({"learning_rat": 0.1}, "Nearest: `learning_rate`"),
        ({"ThawOnStal/patience_epochs": 1}, "`ThawOnStall/patience_epochs`"),
        ({"thaw": ["ThawOnStal"]}, "Nearest: `ThawOnStall`"),
        ({"thaw": "FreezeWhenItPays"}, "no thaw policy `FreezeWhenItPays`"),
        ({"rate": "ThawAll"}, "no rate policy `ThawAll`"),
        ({"thaw": "ThawAll", "ThawOnStall/group_count": 1}, "Add it there"),
        ({"anchor": "none", "anchor_strength": 0.1}, "have 'l2_sp' among"),
        ({"anchor": "l1"}, "'l2_sp'"),
        ({"anchor_strength": [-1.0]}, "`anchor_strength` must be"),
        ({"batch_size": {"min": 0, "max": 8}}, "`batch_size` must be"),
        ({"ThawOnStall/patience_epochs": 0}, "`patience_epochs` must be"),
        ({"augment": ["much"]}, "'strong'"),
    ],
    ids=lambda value: str(value)[:32],
)
def test_a_mistake_in_a_space_is_refused(dimensions, advice):
    with pytest.raises(ValueError) as caught:
        ElasticSpace(dimensions)

    assert advice in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[1]"], ids=["cut", "a list"])
def test_a_file_that_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "space.json"
    path.write_text(content)

    with pytest.raises(ValueError, match="one object of names"):
        ElasticSpace.load(path)


def test_a_model_of_ones_own_has_no_attention_to_tune():
    with pytest.raises(ValueError, match=r"`attention`. Tune them in your"):
        ElasticSpace({"attention": "se"}).of_callbacks("mine")


def test_a_model_of_ones_own_keeps_what_callbacks_do():
    space = ElasticSpace().of_callbacks()

    assert {"thaw", "rate", "anchor"} <= set(space.names)
    assert not {"augment", "batch_size", "learning_rate"} & set(space.names)
