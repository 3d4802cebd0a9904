"""Is a table that names images read for a published model as in training?"""

import json
import shutil

import image_models
import keras
import pytest
import tagged_images
from click.testing import CliRunner

from aet_keras import recipes, training
from aet_keras.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Returns where a model of tagged images is, below `saved`."""
    home = tmp_path_factory.mktemp("tagged")
    source = tagged_images.write_table(home, "train", seed=0, count=150)
    recipe = recipes.Recipe(
        str(source),
        image_column="file",
        target="tags",
        image_size=8,
        epochs=4,
        learning_rate=0.02,
        augment="none",
    )
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        training.run_recipe(recipe, home / "saved")
    tagged_images.write_table(home, "new", seed=1, count=120, flipped=True)
    return home


@pytest.fixture
def saved(home, tmp_path):
    return shutil.copytree(home, tmp_path / "home")


def test_predict_answers_a_table_as_it_answers_its_files(home):
    files = sorted((home / "new").glob("*.png"))

    by_table = run("predict", home / "saved", home / "new.csv", "--json")
    by_file = run("predict", home / "saved", *files, "--json")
    named = run("predict", home / "saved", home / "new.csv", "--id", "id")

    assert by_table.exit_code == 0, by_table.output
    assert by_table.stdout == by_file.stdout
    assert named.stdout.startswith("row 0  ")


def test_a_row_without_an_image_is_named(home):
    table = home / "lacking.csv"
    table.write_text("file,tags\nnew/000.png,red\n,light\n")

    result = run("predict", home / "saved", table)

    assert result.exit_code == 1
    assert f"{table}:2 (its row names no image)" in result.stderr


def test_watch_reads_the_tags_of_a_table(home):
    result = run("watch", home / "saved", home / "new.csv", "--labelled")

    assert result.exit_code == 3, result.output
    assert "120 rows" in result.stdout and "errors p = " in result.stdout


def test_adapt_learns_the_tags_of_a_table(saved):
    folder, table = saved / "saved", saved / "new.csv"

    result = run("adapt", folder, table, "--labelled", "--candidate-only")

    assert result.exit_code == 3, result.output
    (candidate,) = (folder / "candidates").iterdir()
    about = json.loads((candidate / "adaptation.json").read_text())
    assert about["rows"]["labelled_count"] == 120
    assert about["rows"]["tags"] == {"light": 60, "red": 40}


def test_explain_draws_the_first_images_of_a_table(saved):
    table, out = saved / "new.csv", saved / "drawn"

    result = run("explain", saved / "saved", table, "--rows", 2, "--out", out)

    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in out.iterdir())
    assert names == ["000_grad-cam.png", "001_grad-cam.png"]


def test_an_export_says_the_thresholds_that_the_version_answers_with(saved):
    result = run("export", saved / "saved", "--format", "litert")

    report = json.loads((saved / "saved" / "1" / "report.json").read_text())
    light, red = (each["threshold"] for each in report["test"]["per_tag"])
    assert result.exit_code == 0, result.output
    assert f": light {light:.9g}, red {red:.9g}." in result.stdout
