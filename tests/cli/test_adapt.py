"""Does `aet-keras adapt` publish what is better, and nothing else?"""

import json
import os
import shutil

import image_models
import pytest
import table_data
import watched_images
from click.testing import CliRunner

from aet_keras import publishing, recipes, training
from aet_keras.cli import _late_labels, main
from aet_keras.cli._new_rows import NewRows
from aet_keras.drift import Reference
from aet_keras.errors import DataError
from aet_keras.serving.model_folder import ModelFolder
from aet_keras.training import adapted_files


def adapt(*arguments):
    return CliRunner().invoke(main, ["adapt", *map(str, arguments)])


def accept(*arguments):
    command = ["export", *map(str, arguments), "--accept"]
    return CliRunner().invoke(main, command)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Returns where a small classifier of images and its data are."""
    home = tmp_path_factory.mktemp("photos")
    source = watched_images.write_images(home / "train", 240)
    recipe = recipes.Recipe(
        str(source), image_size=8, epochs=6, learning_rate=0.02
    )
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        training.run_recipe(recipe, home / "saved")
    return home


@pytest.fixture
def saved(home, tmp_path, monkeypatch):
    """Returns a copy of the published folder."""
    image_models.export_shortly(monkeypatch)
    return shutil.copytree(home / "saved", tmp_path / "saved")


@pytest.fixture
def new(tmp_path):
    """Returns new images of the same classes, far lighter."""
    return watched_images.write_images(tmp_path / "new", 120, seed=1, light=80)


def record(path):
    return json.loads((path / "adaptation.json").read_text())


def test_what_is_proved_better_is_the_next_version(saved, new):
    result = adapt(saved, new, "--labelled", "--forgets-at-most", "0.9")
    again = adapt(saved, new, "--labelled")

    assert result.exit_code == 0, result.output
    version = publishing.newest_version(saved)
    about = record(version)
    assert f"Published: {version}" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert (version.name, about["from"], about["outcome"]) == (
        "2",
        1,
        "published",
    )
    assert about["rows"]["classes"] == dict.fromkeys(
        ("class 0", "class 1", "class 2"), 40
    )
    assert about["verdict"]["outcome"] == "better"
    assert {"report.json", "reference.npz", "model.keras"} < set(
        publishing.check_manifest(version).files
    )
    assert (saved / "report.json").read_bytes() == (
        version / "report.json"
    ).read_bytes()
    assert Reference.load(version / "reference.npz").row_count == 120
    assert again.exit_code == 0
    assert "Nothing was done" in again.stdout
    assert publishing.newest_version(saved) == version


def test_a_candidate_is_not_served_until_it_is_accepted(saved, new, sentence):
    result = adapt(saved, new)
    candidate = saved / "candidates" / "1"
    integers = [name for name in os.listdir(saved) if name.isdigit()]
    served = ModelFolder(saved).current.number

    again = adapt(saved, new)
    accepted = accept(candidate)
    gone = accept(saved)

    assert result.exit_code == again.exit_code == 3, result.output
    assert f"export {candidate} --accept" in again.stdout
    assert (integers, served) == (["1"], 1)
    assert accepted.exit_code == 0, accepted.output
    assert publishing.newest_version(saved).name == "2"
    assert ModelFolder(saved).current.number == 2
    assert record(saved / "2")["verdict"] is None
    assert "must hold a candidate" in sentence(gone)


def test_a_candidate_of_an_older_version_is_refused(saved, new, sentence):
    adapt(saved, new, "--candidate-only", "--labelled")
    shutil.copytree(saved / "1", saved / "2")

    refused = accept(saved)
    taken = accept(saved, "--from-older")

    assert refused.exit_code == 1
    assert "made from the newest version" in sentence(refused)
    assert taken.exit_code == 0
    assert (saved / "3" / "adaptation.json").exists()


def test_a_damaged_candidate_is_refused(saved, new, sentence):
    adapt(saved, new, "--candidate-only", "--labelled")
    (saved / "candidates" / "1" / "model.keras").write_bytes(b"none")

    refused = accept(saved)

    assert "hold the files that were published" in sentence(refused)
    assert (saved / "candidates" / "1").exists()


def test_rows_that_were_taken_back_are_not_adapted_to_again(saved, new):
    adapt(saved, new, "--labelled", "--forgets-at-most", "0.9")
    publishing.roll_back(saved)

    again = adapt(saved, new, "--labelled", "--forgets-at-most", "0.9")

    assert again.exit_code == 4
    assert "which was taken back" in " ".join(again.stdout.split())


def test_without_a_shift_nothing_is_written(saved, tmp_path):
    same = watched_images.write_images(tmp_path / "same", 60, seed=1)

    result = adapt(saved, same)

    assert result.exit_code == 4, result.output
    assert "kind: none" in result.stdout
    assert not (saved / "candidates").exists()


def test_where_labels_mean_something_else_a_person_decides(saved, tmp_path):
    other = watched_images.write_images(tmp_path / "other", 90, seed=1)
    (other / "class 0").rename(other / "kept")
    (other / "class 1").rename(other / "class 0")
    (other / "kept").rename(other / "class 1")

    result = adapt(saved, other, "--labelled")

    about = record(saved / "candidates" / "1")
    assert result.exit_code == 3, result.output
    assert about["kind"] == "output"
    assert "mean something else" in about["reason"]


def test_an_interrupted_command_leaves_nothing(saved, new, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapted_files, "write_report", interrupt)
    before = sorted(saved.rglob("*"))

    result = adapt(saved, new)

    assert result.exit_code == 1
    assert sorted(saved.rglob("*")) == before


def test_without_its_old_data_nothing_is_published(home, saved, new):
    recipe = json.loads((saved / "1" / "recipe.json").read_text())
    recipe["data"] = str(home / "gone")
    (saved / "1" / "recipe.json").write_text(json.dumps(recipe))

    result = adapt(saved, new, "--labelled")
    old = adapt(saved, new, "--labelled", "--old", home / "train")

    said = " ".join(result.stdout.split())
    assert result.exit_code == 3, result.output
    assert "What the model forgets cannot be seen" in said
    assert not (saved / "candidates" / "1" / "report.json").exists()
    assert record(saved / "candidates" / "1")["old_rows"] is None
    assert old.exit_code == 3


def test_late_labels_are_joined_by_the_name_of_a_file(saved, new, tmp_path):
    late = tmp_path / "late.csv"
    files = sorted(new.rglob("*.png"))[:60:2]
    rows = [f"{path.name},{path.parent.name}" for path in files]
    late.write_text("\n".join(["id,label", *rows, "other.png,class 1"]))

    result = adapt(saved, new, "--labels", late, "--candidate-only")

    assert result.exit_code in (3, 4), result.output
    assert "120 new rows, 30 with a class" in result.stdout
    assert "1 of 31 labels is of no new row" in result.stderr


ROWS = NewRows(None, ["a/1", "b/1", "c/2"], ["1", "1", "2"], [], ["", "", ""])


@pytest.mark.parametrize(
    "text, said",
    [
        ("number,label\n2,a", "no column `id`|`id`"),
        ("id,label\n2,a\n2,b", "must have one class.*`2`"),
        ("id,label\n7,a\n8,b", "must be that of a new row.*2 labels"),
        ("id,label\n1,a", "must mean one new row.*`1`"),
        ("id,label\n2,\n1,", "must name a class"),
    ],
    ids=["columns", "two-classes", "unknown", "ambiguous", "empty"],
)
def test_bad_labels_are_refused(text, said, tmp_path):
    path = tmp_path / "late.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=said):
        _late_labels.join_labels(ROWS, str(path), encoding="auto", say=print)


def test_full_names_tell_rows_apart(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("id,label\nb/1,cat\n2,dog\n2,dog\n")
    said = []

    found = _late_labels.join_labels(
        ROWS, str(path), encoding="auto", say=said.append
    )

    assert found == ["", "cat", "dog"]
    assert "1 id twice, with the same class" in said[0]


@pytest.mark.parametrize(
    "classes, said",
    [
        (["cat"] * 40, "40 labels, all `cat`"),
        (["cat", "dog", "cta"], r"at least 10 rows.*`cta` \(1\)"),
    ],
    ids=["one-class", "misspelt"],
)
def test_classes_that_teach_nothing_are_refused(classes, said):
    with pytest.raises(DataError, match=said):
        _late_labels.check_classes(classes, ["cat", "dog"], print)


def test_ratings_are_refused(tmp_path, sentence):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    (tmp_path / "1" / "recipe.json").write_text('{"kind": "rating"}')

    result = adapt(tmp_path, "new")

    assert result.exit_code == 1
    assert "adapt_users" in sentence(result)


def test_a_new_class_of_a_table_is_added(tmp_path):
    source = table_data.write_table(tmp_path / "t.csv", 240)
    recipe = recipes.TableRecipe(source, table_data.TARGET, epochs=1, units=4)
    training.run_recipe(recipe, tmp_path / "saved")
    more = table_data.write_table(
        tmp_path / "m.csv", 120, seed=3, classes=("no", "yes", "late")
    )

    result = adapt(
        tmp_path / "saved", more, "--labelled", "--forgets-at-most", "0.9"
    )

    assert result.exit_code in (0, 3), result.output
    assert "New to the model: `late`" in result.stdout
    path = (
        tmp_path / "saved" / ("2" if not result.exit_code else "candidates/1")
    )
    assert publishing.check_manifest(path).class_count == 3
    reference = Reference.load(path / "reference.npz")
    assert reference.class_names == ("no", "yes", "late")
