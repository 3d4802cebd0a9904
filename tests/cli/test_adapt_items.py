"""Does `aet-keras adapt` take models of items, new kinds of them too?"""

import json
import shutil

import item_files
import keras
import numpy as np
import pandas
import pytest
from click.testing import CliRunner
from recorded_requests import incoming, write

from aet_keras import backbones, publishing, training
from aet_keras.cli import main
from aet_keras.drift import Reference
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.serving import load_version
from aet_keras.training import kept_sets

COLUMNS = {
    "target": "kind",
    "image_column": "file",
    "text_column": "title",
}


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def small_backbone(name, *, weights, image_size):
    keras.utils.set_random_seed(1)
    pixels = keras.Input((*image_size, 3))
    x = keras.layers.Conv2D(8, 3, 2, "same", activation="relu")(pixels)
    return keras.Model(pixels, x, name="small")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Returns where a model of items is, and tables of other ones."""
    home = tmp_path_factory.mktemp("items")
    recipe = ItemRecipe(
        str(item_files.write_items(home, 160, image_size=16)),
        **COLUMNS,
        epochs=1,
        image_size=16,
        test_ratio=0.3,
        coverage=0.8,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "load_backbone", small_backbone)
        training.run_recipe(recipe, home / "saved")
    (home / "new").mkdir()
    table = item_files.write_items(home / "new", 120, seed=4, image_size=16)
    lines = table.read_text().splitlines()
    rows = [line.rsplit(",", 1) for line in lines[1:]]
    other = {"zero": "one", "one": "two", "two": "three", "three": "zero"}
    for name, named in (
        ("turned", other),  # the same items are called otherwise
        ("more", {"three": "many"}),
    ):
        made = [f"{rest},{named.get(kind, kind)}" for rest, kind in rows]
        path = home / "new" / f"{name}.csv"
        path.write_text("\n".join([lines[0], *made]))
    return home


@pytest.fixture
def saved(home, tmp_path):
    return shutil.copytree(home / "saved", tmp_path / "saved")


def record(path):
    return json.loads((path / "adaptation.json").read_text())


def test_items_that_are_called_otherwise_now_get_another_head(home, saved):
    turned = home / "new" / "turned.csv"

    result = run("adapt", saved, turned, "--labelled")
    accepted = run("export", saved, "--accept")

    # Old labels mean something else: a person decides.
    assert (result.exit_code, accepted.exit_code) == (3, 0), result.output
    about = record(saved / "2")
    assert about["kind"] == "output"
    assert about["verdict"]["outcome"] == "better"
    assert about["verdict"]["new"]["after"] > 0.6
    assert kept_sets.read_guarantee(saved / "2").count == 30
    report = json.loads((saved / "2" / "report.json").read_text())
    assert report["parts"] and report["kind"] == "item"
    reference = Reference.load(saved / "2" / "reference.npz")
    assert reference.class_names == ("one", "three", "two", "zero")


def test_a_new_kind_of_items_is_added(home, saved):
    more = home / "new" / "more.csv"

    result = run("adapt", saved, more, "--labelled", "--candidate-only")

    candidate = saved / "candidates" / "1"
    assert result.exit_code == 3, result.output
    assert "New to the model: `many`" in result.stdout
    assert publishing.check_manifest(candidate).class_count == 5
    outputs = load_version(candidate).call(
        "serving_default",
        {
            "file": np.array([b"", b""], object),
            "title": np.array([b"The odd number 7", b""], object),
            "ink": np.array([5, 6], "float32"),
            "colour": np.array([b"blue", b"red"], object),
        },
    )
    assert outputs["probabilities"].shape == (2, 5)
    assert b"many" in outputs["classes"][0]


def test_recorded_items_are_watched_and_learned_as_those_of_a_file(
    home, tmp_path
):
    turned = home / "new" / "turned.csv"
    frame = pandas.read_csv(turned, keep_default_na=False)
    inputs = frame.drop(columns="kind").to_dict("records")
    for row in inputs:  # a client may send spaces where there is no text
        file = home / "new" / row["file"]
        row |= {"file": file.read_bytes() if row["file"] else "", "more": 1}
        row["title"] = row["title"] or "  "
    rows = [(60.0 * n, row, {}) for n, row in enumerate(inputs)]
    likely = {"probabilities": np.full(4, 0.25, "float32")}
    broken = (0.0, {**inputs[0], "file": "no image"}, {})
    recorded = write(tmp_path / "recorded", [*rows, broken])
    answers = write(
        tmp_path / "answers", [(time, None, likely) for time, _, _ in rows]
    )
    frame = frame.assign(label=frame["kind"])
    frame["id"] = [f"r{number}-0" for number in range(len(frame))]
    frame[["id", "label"]].to_csv(tmp_path / "late.csv", index=False)
    version = home / "saved" / "1"

    of_file = incoming(version, "item", turned)
    of_requests = incoming(version, "item", recorded, tmp_path / "late.csv")
    quiet = run("watch", version, recorded, "--report", tmp_path / "a.png")
    alone = run("watch", version, answers)

    assert of_file.sum == of_requests.sum
    assert quiet.exit_code == 0, quiet.output
    assert "columns p = " in quiet.stdout
    assert "1 of 121 recorded rows have no input" in quiet.stderr
    assert alone.exit_code == 3, alone.output
    assert "tests: outputs p = " in alone.stdout


def test_old_items_with_other_columns_are_refused(home, saved, sentence):
    lines = (home / "items.csv").read_text().splitlines()
    bare = home / "bare.csv"
    cells = [line.split(",") for line in lines]
    bare.write_text("\n".join(",".join([*c[:2], *c[3:]]) for c in cells))

    result = run(
        *("adapt", saved, home / "new" / "turned.csv", "--labelled"),
        *("--old", bare),
    )

    assert result.exit_code == 1
    assert "old items must have the columns" in sentence(result)
