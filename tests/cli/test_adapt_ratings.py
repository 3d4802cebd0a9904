"""Does `aet-keras adapt` publish what new ratings prove?"""

import json

import numpy as np
import pytest
import rating_data
from click.testing import CliRunner

from aet_keras import training
from aet_keras.cli import main
from aet_keras.serving import load_version


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    path = rating_data.write_ratings(folder / "old.csv", range(30))
    recipe = rating_data.rating_recipe(path, epochs=1)
    training.run_recipe(recipe, folder / "films")
    path.unlink()  # what was learned is kept with the model
    new = rating_data.write_ratings(folder / "new.csv", range(100, 130), seed=3)
    lines = new.read_text().splitlines()
    rows = [line.rsplit(",", 1) for line in lines[1:]]
    higher = [f"{rest},{float(rating) + 3}" for rest, rating in rows]
    met = [f"u{user},new film,old,9,2" for user in range(100, 110)]
    new.write_text("\n".join([lines[0], *higher, *met]))
    return folder


def test_new_users_are_published_and_known(folder):
    films, new = folder / "films", folder / "new.csv"

    result = run("adapt", films, new)
    again = run("adapt", films, new)
    said = run("predict", films, "u100", "--json")

    assert result.exit_code == 0, result.output
    assert "250 new rows, 250 with a label" in result.stdout
    assert "1 item is new" in " ".join(result.stdout.split())
    assert "Nothing was done" in " ".join(again.stdout.split())
    about = json.loads((films / "2" / "adaptation.json").read_text())
    assert about["verdict"]["new"]["count"] == 30
    assert about["rows"]["numbers"]["most"] > 5
    report = json.loads((films / "2" / "report.json").read_text())
    assert report["kind"] == "rating"
    assert json.loads(said.stdout)["is_known"]
    asked = {
        "user": np.array([b"u100", b"u1"], object),
        "item": np.array([b"i1", b"i1"], object),
    }
    one, two = (
        load_version(films / n).call("serving_default", asked) for n in "12"
    )
    assert two["scores"][0] > one["scores"][0] + 1
    np.testing.assert_allclose(two["scores"][1], one["scores"][1], atol=0.5)
    asked["item"] = np.array([b"new film", b"i1"], object)
    film = load_version(films / "2").call("serving_default", asked)
    assert film["scores"][0] < two["scores"][0] - 1


@pytest.mark.parametrize("option", ["--labelled", "--old", "--seed"])
def test_labels_and_old_rows_are_with_ratings(folder, sentence, option):
    more = {"--old": [folder / "new.csv"], "--seed": [0]}.get(option, [])

    result = run("adapt", folder / "films", folder / "new.csv", option, *more)

    assert result.exit_code == 2
    assert f"`{option}` must be left out for ratings" in sentence(result)


def test_interactions_are_told_the_command_that_learns_them(
    tmp_path, sentence, unserved
):
    path = rating_data.write_ratings(tmp_path / "old.csv", range(20))
    rows = [line.split(",")[:2] for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(row) for row in rows))
    recipe = rating_data.recipes.RatingRecipe(
        str(path), epochs=1, rank_factors=2, history_length=4, batch_size=64
    )
    saved = tmp_path / "met"
    training.run_recipe(recipe, saved)
    new = tmp_path / "new.csv"
    new.write_text(path.read_text().replace("u", "v").replace("vser", "user"))

    refused = sentence(run("adapt", saved, new))
    command = refused.split("`")[1]
    done = run(*command.split()[1:], "--epochs", 1)

    assert f"aet-keras fit {new} --user user --item item" in command
    assert done.exit_code == 0, done.output
    assert (saved / "2").is_dir()
