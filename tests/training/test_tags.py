"""Are tags of rows learned, measured, decided, served and explained?"""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression

from aet_keras import data, recipes, training
from aet_keras.cli.main import main
from aet_keras.drift import Reference
from aet_keras.serving import load_version
from aet_keras.training import kept_sets, table_start, tag_weights
from aet_keras.training.run import run_recipe
from aet_keras.training.table_encoding import encode, predict

TAGS = ("old", "red", "warm")


def write_tags(path, count=160, seed=0):
    """Writes a table whose tags follow age and town, as `red;warm`."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 9, count)
    town = random.choice(["north", "south"], count)
    has = {
        "old": age + 4 * random.normal(size=count) > 50,
        "red": (town == "south") & (random.random(count) < 0.9),
        "warm": age + 6 * random.normal(size=count) > 40,
    }
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "town", "tags"])
        for row in range(count):
            said = ";".join(name for name in TAGS if has[name][row])
            writer.writerow([f"{age[row]:.1f}", town[row], said])
    return str(path)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_tags(tmp_path_factory.mktemp("tags") / "tags.csv")


@pytest.fixture(scope="module")
def published(table, tmp_path_factory):
    """Returns a folder that a run published in, and the run."""
    out = tmp_path_factory.mktemp("models") / "tags"
    recipe = recipes.TableRecipe(
        table,
        "tags",
        units=4,
        epochs=1,
        report_by=["town"],
        coverage=0.8,
        test_ratio=0.25,
    )
    return out, run_recipe(recipe, out)


def invoke(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_new_model_is_scikit_learns_regression_of_each_tag(
    table, class_weight
):
    recipe = recipes.TableRecipe(
        table, "tags", units=4, class_weight=class_weight
    )
    dataset = training.table_job.read_rows(recipe)
    model = training.table_job.build_table_model(recipe, dataset)
    rows, train = encode(model, dataset.train), dataset.train

    found = predict(model, dataset.test)

    fitted = table_start.tag_regressions(
        rows, train.labels, seed=0, class_weight=class_weight
    )
    for tag, each in enumerate(fitted):
        own = LogisticRegression(
            C=each.C, max_iter=1000, class_weight=class_weight
        ).fit(rows, train.labels[:, tag])
        wanted = own.predict_proba(encode(model, dataset.test))[:, 1]
        np.testing.assert_allclose(found[:, tag], wanted, atol=1e-3)


def test_the_report_has_thresholds_of_validation_and_baselines(published):
    _, run = published

    test = run.report.test

    assert [each.name for each in test.per_tag] == [*TAGS]
    assert {*test.baselines} == {
        "the most frequent",
        "every tag",
        "logistic regressions",
    }
    assert test.macro_f1 > test.baselines["every tag"].macro_f1
    assert {each.name for each in test.importance} == {"age", "town"}
    assert "macro_f1" in run.report.history
    assert any("thresholds of the tags" in each for each in run.report.notes)
    held = run.report.validation
    assert held.macro_f1 >= 0.5


def test_a_server_says_probabilities_and_the_tags_that_reach_them(published):
    _, run = published
    version = load_version(run.version)
    asked = {
        "age": np.float32([60, 20]),
        "town": np.array([b"south", b"north"], object),
    }

    outputs = version.call("serving_default", asked)

    least = [each.threshold for each in run.report.test.per_tag]
    is_said = outputs["probabilities"] >= np.float32(least)
    names = np.array([name.encode() for name in TAGS], object)
    assert outputs["classes"].tolist() == [names.tolist()] * 2
    assert outputs["tags"].tolist() == np.where(is_said, names, b"").tolist()
    assert is_said[0].all() and not is_said[1, 1]
    assert run.comparison.difference < 1e-6


def test_commands_answer_with_tags_or_say_why_not(published, tmp_path):
    out, _ = published
    rows = tmp_path / "new.csv"
    rows.write_text("age,town\n60,south\n5,north\n")

    text = invoke("predict", out, rows).output.splitlines()
    line = json.loads(
        invoke("predict", out, rows, "--json").output.split("\n")[0]
    )
    table = invoke("predict", out, rows, "--format", "csv").output
    explained = invoke(
        "explain", out, rows, "--class", "red", "--out", tmp_path
    )

    assert "red" in text[0] and text[1].endswith("no tag")
    assert line["tags"] == [*TAGS] and {*line["probabilities"]} == {*TAGS}
    assert table.splitlines()[0] == "id,tags,probabilities,set,error"
    assert {*line["tags"]} <= {*line["set"]} <= {*TAGS}
    assert "old;red;warm" in table.splitlines()[1]
    assert "red, " in explained.output and explained.exit_code == 0
    converted = ["export", out, "--format", "litert", "--weights", "int8"]
    assert "nothing was tried" in invoke("adapt", out, rows).output
    assert "a model of images" in invoke(*converted).output
    refused = invoke("predict", out, rows, "--top", "2")
    assert "Leave it out" in refused.output and refused.exit_code != 0


def test_an_earlier_model_is_drawn_towards_each_tags_regression(
    published, tmp_path
):
    out, run = published
    new = write_tags(tmp_path / "new.csv", 120, seed=8)
    with open(new, encoding="utf-8") as file:
        text = file.read()
    without = tmp_path / "without.csv"  # no row says `old` any more
    without.write_text(text.replace("old;", "").replace(",old", ","))
    recipe = recipes.TableRecipe(str(without), "tags", from_=str(out))
    dataset = training.table_job.read_rows(recipe)
    earlier = keras.models.load_model(run.version / "model.keras")
    before = predict(earlier, dataset.test)

    model = training.table_job.build_table_model(recipe, dataset)

    assert dataset.specification.class_names == TAGS
    assert any("No row has `old`" in each for each in dataset.notes)
    after = predict(model, dataset.test)
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=1e-6)
    rows = encode(model, dataset.train)
    for tag in (1, 2):
        (fitted,) = table_start.tag_regressions(
            rows,
            dataset.train.labels[:, tag : tag + 1],
            seed=0,
            class_weight=None,
        )
        new_logits = fitted.decision_function(encode(model, dataset.test))
        old_logits, mixed = (
            np.log(each[:, tag] / (1 - each[:, tag]))
            for each in (before, after)
        )
        share = (mixed - old_logits) / (new_logits - old_logits)
        assert np.median(share) == pytest.approx(
            round(4 * float(np.median(share))) / 4, abs=1e-2
        )
        assert 0.2 < np.median(share) < 0.8


def test_a_run_goes_on_with_an_earlier_model_of_tags(published, tmp_path):
    new = write_tags(tmp_path / "new.csv", 120, seed=8)
    recipe = recipes.TableRecipe(new, "tags", from_=str(published[0]), epochs=1)
    job = training.table_job.JOB
    dataset = job.read(recipe)
    model = job.build(recipe, dataset)

    run = job.fit(model, recipe, dataset, best=job.best(recipe, dataset))
    run, dataset = job.finish(run, dataset)
    test = job.measure(run, "again", dataset).test

    known = published[1].report.test
    assert [each.name for each in test.per_tag] == [*TAGS]
    assert test.macro_f1 > known.baselines["every tag"].macro_f1


@pytest.mark.parametrize(
    ("tags", "words"),
    [("red;loud", "must be those of the earlier model"), ("5.5", "kind|tags")],
    ids=["unknown", "a-number"],
)
def test_other_tags_than_the_earlier_models_are_refused(
    published, tmp_path, tags, words
):
    path = tmp_path / "new.csv"
    path.write_text("age,town,tags\n" + f"40,north,{tags}\n" * 40)
    recipe = recipes.TableRecipe(str(path), "tags", from_=str(published[0]))

    with pytest.raises(data.table_file.DataError, match=words):
        training.table_job.read_rows(recipe)


def test_the_options_name_columns_in_one_word(tmp_path):
    done = invoke(
        "fit",
        tmp_path / "no.csv",
        "--label-columns",
        'a,"b,c"',
        "--target",
        "y",
        "--out",
        tmp_path / "x",
    )

    assert "Received: both" in done.output


def test_the_weighted_loss_is_scikit_learns_balanced_one():
    random = np.random.default_rng(0)
    labels = (random.random((50, 2)) < [0.1, 0.7]).astype("float32")
    shares = random.uniform(0.05, 0.95, (50, 2)).astype("float32")
    loss = tag_weights.WeightedTags.balanced(labels)

    read = keras.losses.deserialize(keras.losses.serialize(loss))

    for each in (loss, read):
        wanted = 0
        for tag in range(2):
            share = labels[:, tag].mean()
            weights = np.where(
                labels[:, tag] > 0, 0.5 / share, 0.5 / (1 - share)
            )
            wanted += tf.keras.losses.BinaryCrossentropy()(
                labels[:, tag, None], shares[:, tag, None], weights
            )
        assert float(each(labels, shares)) == pytest.approx(
            float(wanted) / 2, rel=1e-4
        )


def test_tags_are_reported_by_group(published):
    out, run = published
    (found,) = run.report.groups

    assert [each.name for each in found.groups] == ["north", "south"]
    assert [each.column for each in found.tags] == [*TAGS]
    red = found.tags[1].groups
    assert red[0].figures["flagged"].value < red[1].figures["flagged"].value
    card = (out / "card.md").read_text()
    assert "| gap of tag |" in card
    assert "none of all tags together is computed" in " ".join(card.split())


def test_sets_of_tags_are_served_and_calibrated_anew(published, tmp_path):
    out, run = published
    saved = shutil.copytree(out, tmp_path / "saved")
    new = write_tags(tmp_path / "new.csv", 80, seed=3)
    first = run.report.coverage.guarantee
    rows = {
        "age": np.float32(np.linspace(5, 70, 40)),
        "town": np.array([b"south", b"north"] * 20, object),
    }

    said = load_version(run.version).call("serving_default", rows)
    result = invoke("calibrate", saved, new, "--coverage", "0.9")

    assert (said["in_set"] == first.sets(said["probabilities"])).all()
    assert said["in_set"].sum() > (said["tags"] != b"").sum()
    assert "risk control" in run.report.to_text()
    assert "| tag | covered |" in (out / "card.md").read_text()
    assert result.exit_code == 0, result.output
    made = kept_sets.read_guarantee(saved / "2")
    with open(new, encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert made.count == sum(bool(line["tags"]) for line in lines)
    assert made.thresholds == first.thresholds
    missed = []
    answers = invoke("predict", saved, new, "--json").output.splitlines()
    for line, answer in zip(lines, answers, strict=True):
        true = set(filter(None, line["tags"].split(";")))
        if true:
            held = true & {*json.loads(answer)["set"]}
            missed.append(1 - len(held) / len(true))
    assert (sum(missed) + 1) / (len(missed) + 1) <= 0.1 + 1e-6


def test_unknown_tags_are_left_out_of_what_calibrates(published, tmp_path):
    saved = shutil.copytree(published[0], tmp_path / "saved")
    new = tmp_path / "new.csv"
    new.write_text("age,town,tags\n" + "40,north,red;loud\n" * 30)

    result = invoke("calibrate", saved, new)

    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "left out, because the model does not know" in said
    assert "`loud`" in said and "30" in said
    assert kept_sets.read_guarantee(saved / "2").count == 30


def test_new_rows_of_tags_are_watched(published, table, tmp_path):
    out, _ = published
    same = write_tags(tmp_path / "same.csv", 90, seed=5)
    with open(same, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    older, other = tmp_path / "older.csv", tmp_path / "other.csv"
    for path, change in (
        (older, {"age": "80"}),
        (other, {"tags": "old"}),
    ):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["age", "town", "tags"])
            writer.writeheader()
            writer.writerows(row | change for row in rows)

    quiet = invoke("watch", out, same, "--labelled")
    moved = invoke("watch", out, older)
    wrong = invoke("watch", out, other, "--labelled", "--format", "json")
    drawn = invoke("watch", out, same, "--report", tmp_path / "a.png")

    assert quiet.exit_code == 0, quiet.output
    assert "loss: " in quiet.output
    assert moved.exit_code == 3 and "moved columns: age" in moved.output
    assert "Without the true tags" in moved.output
    said = json.loads(wrong.output)
    assert (said["kind"], said["measure"]) == ("output", "loss")
    true = np.tile([1, 0, 0], (90, 1))
    answers = invoke("predict", out, other, "--json").output.splitlines()
    shares = np.array(
        [[*json.loads(each)["probabilities"].values()] for each in answers]
    )
    loss = -np.log(np.where(true, shares, 1 - shares).clip(1e-7)).mean()
    assert said["error"] == pytest.approx(loss, rel=1e-4)
    assert drawn.exit_code == 0 and (tmp_path / "a.png").exists()


def test_a_reference_of_tags_is_measured_later(published, tmp_path):
    saved = shutil.copytree(published[0], tmp_path / "saved")
    known = Reference.load(saved / "1" / "reference.npz")
    (saved / "1" / "reference.npz").unlink()

    result = invoke("watch", saved, "--measure")

    assert result.exit_code == 0, result.output
    found = Reference.load(saved / "reference-1.npz")
    assert found.target_kind == "tags" and found.class_names == TAGS
    np.testing.assert_array_equal(found.labels, known.labels)
    np.testing.assert_allclose(
        found.probabilities, known.probabilities, atol=1e-6
    )


def test_tags_are_not_read_of_folders(published, tmp_path):
    (tmp_path / "red").mkdir()

    for command in ("watch", "calibrate"):
        options = ["--labelled"] if command == "watch" else []
        result = invoke(command, published[0], tmp_path / "red", *options)

        assert result.exit_code == 1
        assert "must stand in a table" in result.output
