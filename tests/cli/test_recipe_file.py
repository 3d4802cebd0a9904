"""Does `fit` run a recipe that was written down, as it was written?"""

import dataclasses
import json

import image_folders
import image_models
import lean_exports
import pytest
from click.testing import CliRunner

from aet_keras.cli import main
from aet_keras.recipes import Recipe


def fit_recipe(folder, content, *options):
    """Returns `aet-keras fit --recipe FILE ...` on a recipe's entries."""
    path = folder / "recipe.json"
    path.write_text(content)
    command = ["fit", "--recipe", path, "--out", folder / "out", *options]
    return CliRunner().invoke(main, [str(word) for word in command])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a recipe with a seed of the command line; returns both and OUT."""
    folder = tmp_path_factory.mktemp("run")
    recipe = Recipe(
        str(image_folders.copy_images(folder / "photos")),
        image_size=8,
        epochs=1,
        head_units=4,
        thaw={"policy": "ThawOnSchedule", "first_epoch": 0},
        rate={"policy": "WarmupCosine"},
        anchor_strength=0.1,
    )
    written = json.dumps(recipe.to_json())
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        lean_exports.leave_out(patch)
        done = fit_recipe(folder, written, "--seed", 3, "--quiet")
    assert done.exit_code == 0, done.output
    return recipe, folder / "out"


def test_every_entry_is_obeyed_and_published(run):
    recipe, out = run
    published = Recipe.load(out / "recipe.json")

    assert dataclasses.replace(published, seed=recipe.seed) == recipe
    history = json.loads((out / "report.json").read_text())["history"]
    assert history["elastic_freezing/trained_groups"] == [1]
    assert "elastic_anchor/penalty" in history


def test_the_command_line_wins_over_the_file(run):
    recipe, out = run
    published = Recipe.load(out / "recipe.json")

    assert published.seed == 3 != recipe.seed
    assert published.epochs == 1


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
    tmp_path, sentence, content, advice
):
    done = fit_recipe(tmp_path, content)

    assert done.exit_code == 2
    assert advice in sentence(done)


def test_neither_data_nor_recipe_is_misuse(out, sentence):
    done = CliRunner().invoke(main, ["fit", "--out", str(out)])

    assert done.exit_code == 2
    assert "DATA must be given" in sentence(done)
