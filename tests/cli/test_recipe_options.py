"""Has every field of a recipe its option, and is what is given obeyed?"""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from aet_keras import data, recipes, tasks
from aet_keras.cli import main
from aet_keras.cli.fit import fit as fit_command
from aet_keras.recipes.setting import settings_of

KINDS = (
    recipes.Recipe,
    recipes.TextRecipe,
    recipes.TableRecipe,
    recipes.RatingRecipe,
)
NO_OPTION = {"data": "it is the argument DATA", "kind": "each recipe has one"}
OPTIONS = {option.name: option for option in fit_command.params}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_an_option_or_a_reason(kind):
    for field in dataclasses.fields(kind):
        if field.name in NO_OPTION:
            continue
        said = settings_of(kind)[field.name]
        option = OPTIONS[field.name]
        assert said.option in option.opts
        assert said.help in option.help
        assert option.default is None  # the recipe's own is the default


def test_what_several_kinds_share_is_described_once():
    said = [each for kind in KINDS for each in settings_of(kind).items()]

    for name in {name for name, _ in said}:
        helps = {(each.help, each.kind) for key, each in said if key == name}
        assert len(helps) == 1, name


def test_the_words_of_choices_are_those_of_the_parts():
    of = {kind: settings_of(kind) for kind in KINDS}

    assert of[recipes.Recipe]["attention"].among == tasks.image_model.ATTENTIONS
    assert of[recipes.TextRecipe]["pooling"].among == tasks.text_model.POOLINGS
    assert (
        of[recipes.RatingRecipe]["split"].among
        == data.rating_reading.RATING_SPLITS
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_and_its_recipe_refuse_the_same_numbers(kind):
    others = {"data": "a.csv"}
    if kind is recipes.TableRecipe:
        others["target"] = "a"
    for name, said in settings_of(kind).items():
        if said.kind not in ("whole", "number"):
            continue
        step = 1 if said.kind == "whole" else 1e-3
        low = said.above if said.above is not None else said.least - step
        high = said.most + step
        for value in (low, high) if high < 1e9 else (low,):
            with pytest.raises(ValueError, match=name):
                kind(**others, **{name: value})
            with pytest.raises(click.BadParameter, match="range"):
                OPTIONS[name].type.convert(str(value), None, None)


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Returns the recipe that `aet-keras fit ...` would run, or its end."""
    made = []

    def run_recipe(recipe, *args, **kwargs):
        made.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr("aet_keras.training.run_recipe", run_recipe)

    def run(*arguments):
        command = ["fit", *arguments, "--out", str(tmp_path / "out")]
        result = CliRunner().invoke(main, [*map(str, command)])
        return made[-1] if made else result

    return run


def test_settings_of_a_recipe_reach_it(given):
    recipe = given(
        "digits",
        *("--thaw", "ThawOnStall:first_count=2,rate_ratio=0.3"),
        *("--rate", "DecayOnStall", "--dropout", "0.4", "--head-units", "8"),
        *("--anchor-strength", "0.1", "--test-ratio", "0.2"),
        "--no-train-batch-normalization",
    )

    assert recipe == recipes.Recipe(
        "digits",
        thaw={"policy": "ThawOnStall", "first_count": 2, "rate_ratio": 0.3},
        rate={"policy": "DecayOnStall"},
        dropout=0.4,
        head_units=8,
        anchor_strength=0.1,
        test_ratio=0.2,
        train_batch_normalization=False,
    )


def test_the_word_none_is_none_where_that_means_something(given):
    recipe = given("a.csv", "--text-column", "a", "--average-power", "none")

    assert recipe.average_power is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.csv", "--target", "a", "--augment", "flip"], "`--augment`"),
        (["digits", "--units", "3"], "`--units`"),
        (["digits", "--text-column", "a"], "`--text-column`"),
        (["PHOTOS", "--kind", "a=date"], "`--kind`"),
        (["a.csv", "--units", "3"], "`--target`"),
        (["a.csv", "--text-column", "a", "--kind", "a=date"], "`--kind`"),
        (
            ["a.csv", "--user", "a", "--average-power", "none"],
            "`--average-power`",
        ),
        (
            ["digits", "--thaw", "ThawOnStall:first_cout=2"],
            "Nearest: `first_count`",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_option_of_other_data_is_refused_with_its_name(
    given, arguments, words, tmp_path, sentence
):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    photos = str(tmp_path / "photos")

    result = given(*(photos if a == "PHOTOS" else a for a in arguments))

    assert result.exit_code == 2
    assert words in sentence(result)
