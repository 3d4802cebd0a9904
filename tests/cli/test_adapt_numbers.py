"""Does `aet-keras adapt` publish better numbers and tags of a table?"""

import json
import shutil

import lean_exports
import numpy as np
import pandas
import pytest
from click.testing import CliRunner
from recorded_requests import incoming, write

from aet_keras import evaluation, recipes, training
from aet_keras.cli import main
from aet_keras.cli._new_rows import Asked
from aet_keras.cli._truths import truths
from aet_keras.drift import Reference
from aet_keras.training import kept_sets

TAGS = ("dear", "large", "south")


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def houses(seed, count, *, mean=100):
    """Rows with a price that bends, in a large unit, and three tags."""
    random = np.random.default_rng(seed)
    area = random.normal(mean, 25, count).round(2)
    town = random.choice(["north", "south", "east"], count)
    value = area / 25 + 2.0 * (town == "south")
    value += 4 * np.maximum(area - 150, 0) / 25
    value = 9e4 * (value + 0.3 * random.normal(size=count))
    frame = pandas.DataFrame({"area": area, "town": town})
    frame["price"] = value.round()
    frame["dear"] = (value > 4.5e5).astype(int)
    frame["large"] = (area > 110).astype(int)
    frame["south"] = (town == "south").astype(int)
    return frame


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Returns where a model of a number is, one of tags, and new rows."""
    home = tmp_path_factory.mktemp("houses")
    frame = houses(0, 500)
    frame.drop(columns=[*TAGS]).to_csv(home / "prices.csv", index=False)
    frame.drop(columns="price").to_csv(home / "tags.csv", index=False)
    prices = recipes.TableRecipe(
        str(home / "prices.csv"),
        "price",
        epochs=1,
        units=4,
        coverage=0.8,
        test_ratio=0.3,
    )
    tags = recipes.TableRecipe(
        str(home / "tags.csv"), label_columns=[*TAGS], epochs=1, units=4
    )
    with pytest.MonkeyPatch.context() as patch:
        lean_exports.leave_out(patch)
        training.run_recipe(prices, home / "prices")
        training.run_recipe(tags, home / "tags")
    new = houses(1, 160, mean=180)
    new.insert(0, "id", [f"h{row}" for row in range(160)])
    new.drop(columns=["price", *TAGS]).to_csv(home / "new.csv", index=False)
    new[["id", "price"]][:140].rename(columns={"price": "label"}).to_csv(
        home / "late.csv", index=False
    )
    # Sold by another rule: what was dear is not any more.
    new["dear"] = 1 - new["dear"]
    new["label"] = [
        ";".join(tag for tag in TAGS if row[tag]) for _, row in new.iterrows()
    ]
    new[["id", "label"]].to_csv(home / "late_tags.csv", index=False)
    return home


@pytest.fixture
def saved(home, tmp_path):
    return shutil.copytree(home, tmp_path / "home")


def record(path):
    return json.loads((path / "adaptation.json").read_text())


def test_late_numbers_make_a_better_version_with_new_intervals(saved, unserved):
    folder, new = saved / "prices", saved / "new.csv"
    late = ("--labels", saved / "late.csv", "--forgets-at-most", 1)

    result = run("adapt", folder, new, *late)
    again = run("adapt", folder, new, *late)

    assert result.exit_code == 0, result.output
    about = record(folder / "2")
    assert "160 new rows, 140 with a label" in result.stdout
    assert "MAE" in result.stdout and "Nothing was done" in again.stdout
    assert about["rows"]["numbers"]["mean"] > 5e5
    assert about["verdict"]["new"]["before"] > 1e5
    assert about["verdict"]["new"]["after"] < 1e5
    guarantee = kept_sets.read_guarantee(folder / "2")
    assert (guarantee.target_kind, guarantee.count) == ("number", 35)
    reference = Reference.load(folder / "2" / "reference.npz")
    assert reference.target_kind == "number"
    report = json.loads((folder / "2" / "report.json").read_text())
    assert evaluation.Report.from_json(report).test.rmse > 0
    assert "MAE" in (folder / "2" / "card.md").read_text()


def test_a_number_has_an_interval_that_is_calibrated(saved):
    new, folder = saved / "prices.csv", saved / "prices"
    houses(5, 40).drop(columns=[*TAGS]).to_csv(new, index=False)

    result = run("calibrate", folder, new)

    assert result.exit_code == 0, result.output
    half = kept_sets.read_guarantee(folder / "2").limit
    row = json.loads(
        run("predict", folder, new, "--json").stdout.split("\n")[0]
    )
    assert row["upper"] - row["value"] == pytest.approx(half, rel=1e-3)
    assert row["value"] - row["lower"] == pytest.approx(half, rel=1e-3)
    said = run("predict", folder, new, "--format", "csv").stdout
    assert said.startswith("id,value,lower,upper,error")


def test_late_tags_make_a_better_version_with_other_thresholds(saved, unserved):
    late = ("--labels", saved / "late_tags.csv", "--forgets-at-most", 1)

    result = run("adapt", saved / "tags", saved / "new.csv", *late)

    assert result.exit_code == 0, result.output
    about = record(saved / "tags" / "2")
    assert "160 new rows, 160 with a label" in result.stdout
    assert about["rows"]["tags"]["south"] > 20
    assert about["verdict"]["new"]["measure"] == "F1"
    manifest = json.loads((saved / "tags" / "2" / "manifest.json").read_text())
    assert manifest["table"]["thresholds"] == about["thresholds"]
    report = json.loads((saved / "tags" / "2" / "report.json").read_text())
    tags = report["test"]["per_tag"]
    assert [each["threshold"] for each in tags] == about["thresholds"]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("dear", "must have a finite number"),
        ("1e999", "must have a finite number"),
        ("100000", "of two numbers or more"),
    ],
)
def test_bad_late_numbers_are_refused(saved, sentence, label, said):
    late = saved / "bad.csv"
    late.write_text(
        "id,label\n" + "".join(f"h{n},{label}\n" for n in range(40))
    )

    result = run("adapt", saved / "prices", saved / "new.csv", "--labels", late)

    assert result.exit_code == 1
    assert said in sentence(result)
    assert not (saved / "prices" / "candidates").exists()


def test_an_unknown_tag_is_left_out_and_the_others_of_its_row_count(
    home, capsys
):
    asked = Asked("adapt", home / "tags" / "1", None, ())
    frame = pandas.DataFrame({"label": ["dear;red", "red", "south", "", "N/A"]})

    found = truths(asked, frame, "label", is_late=True)

    assert found == ["dear\n", "\n", "south\n", "\n", ""]
    assert "1 tag is left out" in capsys.readouterr().err


def record_houses(path, frame):
    cells = frame[["area", "town"]].to_dict("records")
    rows = [(60.0 * n, row, {}) for n, row in enumerate(cells)]
    return write(path, rows)


@pytest.mark.parametrize("name", ["prices", "tags"])
def test_recorded_rows_with_late_labels_are_those_of_a_file(
    home, tmp_path, name
):
    like, recorded = (
        record_houses(tmp_path / each, houses(seed, 160, mean=mean))
        for each, seed, mean in (("like", 2, 100), ("new", 1, 180))
    )
    late = home / {"prices": "late.csv", "tags": "late_tags.csv"}[name]
    known = pandas.read_csv(late, keep_default_na=False)
    known["id"] = known["id"].str.replace("h", "r") + "-0"
    known.to_csv(tmp_path / "late.csv", index=False)
    version = home / name / "1"

    of_file = incoming(version, "table", home / "new.csv", late)
    of_requests = incoming(version, "table", recorded, tmp_path / "late.csv")
    quiet, moved = (
        run("watch", home / name, each) for each in (like, recorded)
    )

    assert of_file.sum == of_requests.sum
    assert (quiet.exit_code, moved.exit_code) == (0, 3), quiet.output


@pytest.mark.parametrize("label", ["dear;South", "red;wool"])
def test_tags_that_seem_misspelt_are_refused(saved, sentence, label):
    late = saved / "bad.csv"
    late.write_text(f"id,label\nh1,{label}\n")

    result = run("adapt", saved / "tags", saved / "new.csv", "--labels", late)

    assert result.exit_code == 1
    assert "Received: " in sentence(result)
    assert "where it knows dear" in sentence(result)
