"""Does `fit` run a recipe that was written down, as it was written?"""

import json

import pytest
from click.testing import CliRunner

from aet_keras.cli import main
from aet_keras.recipes import Recipe


@pytest.fixture
def fit_recipe(tmp_path, out, tiny):
    """Returns `aet-keras fit --recipe FILE ...` on a recipe's entries."""

    def run(content, *options):
        path = tmp_path / "recipe.json"
        path.write_text(content)
        command = ["fit", "--recipe", str(path), "--out", str(out)]
        return CliRunner().invoke(main, [*command, *map(str, options)])

    return run


@pytest.fixture
def recipe(photos):
    return Recipe(
        str(photos),
        image_size=8,
        epochs=1,
        head_units=4,
        thaw={"policy": "ThawOnSchedule", "first_epoch": 0},
        rate={"policy": "WarmupCosine"},
        anchor_strength=0.1,
    )


def test_every_entry_is_obeyed_and_published(fit_recipe, recipe, out):
    done = fit_recipe(json.dumps(recipe.to_json()))

    assert done.exit_code == 0, done.output
    assert Recipe.load(out / "recipe.json") == recipe
    history = json.loads((out / "report.json").read_text())["history"]
    assert history["elastic_freezing/trained_groups"] == [1]
    assert "elastic_anchor/penalty" in history


def test_the_command_line_wins_over_the_file(fit_recipe, recipe, out):
    done = fit_recipe(json.dumps(recipe.to_json()), "--seed", 3, "--quiet")

    assert done.exit_code == 0, done.output
    assert Recipe.load(out / "recipe.json").seed == 3
    assert Recipe.load(out / "recipe.json").epochs == 1


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("{", "must be a JSON file"),
        ("[]", "one JSON object"),
        ('{"epochs": 3}', "at least its `data`"),
        ('{"data": "digits", "epoch": 3}', "Nearest: `epochs`"),
        (
            '{"data": "digits", "thaw": {"policy": "ThawOnStal"}}',
            "no policy `ThawOnStal`. Nearest: `ThawOnStall`",
        ),
        (
            '{"data": "digits", "thaw": {"policy": "WarmupCosine"}}',
            "no policy `WarmupCosine`",
        ),
        (
            '{"data": "digits", "attention_ratio": 8}',
            "`attention_ratio` must go with",
        ),
    ],
    ids=["cut", "list", "no data", "typo", "policy", "kind", "ratio"],
)
def test_a_recipe_that_cannot_be_run_is_misuse(
    fit_recipe, sentence, content, advice
):
    done = fit_recipe(content)

    assert done.exit_code == 2
    assert advice in sentence(done)


def test_neither_data_nor_recipe_is_misuse(out, sentence):
    done = CliRunner().invoke(main, ["fit", "--out", str(out)])

    assert done.exit_code == 2
    assert "DATA must be given" in sentence(done)
