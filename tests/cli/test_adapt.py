"""Does `aet-keras adapt` publish what is better, and nothing else?"""

import json
import os
import shutil

import image_models
import numpy as np
import pytest
import table_data
import watched_images
from click.testing import CliRunner

from aet_keras import publishing, recipes, training
from aet_keras.cli import _adapted_rows, _late_labels, main
from aet_keras.cli._new_rows import NewRows, load_model
from aet_keras.drift import Reference
from aet_keras.errors import DataError
from aet_keras.serving.model_folder import ModelFolder
from aet_keras.training import adapt_version as adapting
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
        str(source),
        image_size=8,
        epochs=6,
        learning_rate=0.02,
        augment="none",
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


@pytest.fixture
def more(tmp_path):
    """Returns new images, a third of which are of a class not known."""
    return write_more(tmp_path / "more")


def write_more(folder):
    watched_images.write_images(folder, 60, seed=1)
    watched_images.write_images(folder / "x", 90, seed=1, light=150)
    (folder / "x" / "class 0").rename(folder / "white")
    shutil.rmtree(folder / "x")
    return folder


@pytest.fixture(scope="module")
def with_candidate(home, tmp_path_factory):
    """Returns the published folder with a candidate, and what was said."""
    home = shutil.copytree(home, tmp_path_factory.mktemp("more") / "photos")
    with pytest.MonkeyPatch.context() as patch:
        image_models.export_shortly(patch)
        more = write_more(home / "more")
        said = adapt(home / "saved", more, "--labelled", "--candidate-only")
    return home / "saved", said


@pytest.fixture
def proposed(with_candidate, tmp_path):
    """Returns a copy of that folder."""
    return shutil.copytree(with_candidate[0], tmp_path / "proposed")


def record(path):
    return json.loads((path / "adaptation.json").read_text())


def test_what_is_proved_better_is_the_next_version(saved, more, unserved):
    result = adapt(saved, more, "--labelled", "--forgets-at-most", "0.2")
    again = adapt(saved, more, "--labelled")
    version = publishing.newest_version(saved)
    publishing.roll_back(saved)
    taken_back = adapt(saved, more, "--labelled")

    assert result.exit_code == 0, result.output
    assert "New to the model: `white` (30 rows)" in result.stdout
    said = " ".join(result.stdout.split())
    assert f"Published: {version}" in said and version.name == "2"
    assert (again.exit_code, taken_back.exit_code) == (0, 4)
    assert "the newest version. Nothing was done" in flat(again)
    assert "which was taken back" in flat(taken_back)


def test_a_version_that_came_meanwhile_is_not_replaced(
    saved, more, monkeypatch, unserved
):
    """It may have learned what the adapted one, made of version 1, has not."""
    begin = adapting.adapt

    def publish_meanwhile(*args, **settings):
        def copy(aside):
            shutil.copytree(saved / "1", aside, dirs_exist_ok=True)

        publishing.publish(saved, copy)
        return begin(*args, **settings)

    monkeypatch.setattr(adapting, "adapt", publish_meanwhile)

    result = adapt(saved, more, "--labelled", "--forgets-at-most", "0.2")

    assert result.exit_code == 3, result.output
    assert "that is not the newest any more" in flat(result)
    assert publishing.newest_version(saved).name == "2"
    assert not (saved / "2" / "adaptation.json").exists()
    made = record(saved / "candidates" / "1")
    assert (made["from"], made["outcome"]) == (1, "candidate")


def flat(result):
    return " ".join(result.stdout.split())


def test_a_path_longer_than_a_line_is_not_broken():
    path = "/long" * 20

    assert path in _adapted_rows.wrapped(f"Candidate: {path} (undecided).")


def test_a_candidate_is_whole_and_says_what_it_was_made_of(with_candidate):
    folder, said = with_candidate
    candidate = folder / "candidates" / "1"
    about, manifest = record(candidate), publishing.check_manifest(candidate)

    assert said.exit_code == 3, said.output
    assert f"export {candidate} --accept" in said.stdout
    assert (about["from"], about["outcome"]) == (1, "candidate")
    assert about["rows"]["count"] == 90
    assert about["rows"]["classes"]["white"] == 30
    assert about["new_classes"] == ["white"]
    assert about["verdict"]["outcome"] in ("better", "undecided")
    assert manifest.class_count == 4
    assert {"report.json", "model.keras"} < set(manifest.files)
    reference = Reference.load(candidate / "reference.npz")
    assert reference.class_names[3] == "white"


def test_a_candidate_is_not_served_until_it_is_accepted(proposed):
    integers = [name for name in os.listdir(proposed) if name.isdigit()]
    served = ModelFolder(proposed)
    before = served.current.number

    accepted = accept(proposed / "candidates" / "1")
    served.refresh()

    assert (integers, before) == (["1"], 1)
    assert accepted.exit_code == 0, accepted.output
    assert served.current.number == 2
    shown = (proposed / "report.json").read_bytes()
    assert shown == (proposed / "2" / "report.json").read_bytes()


def test_the_same_rows_are_not_adapted_to_twice(with_candidate, tmp_path):
    folder, _ = with_candidate
    same = tmp_path / "named" / "in another way"
    shutil.copytree(folder.parent / "more", same)

    again = adapt(folder, same, "--labelled")

    assert again.exit_code == 3
    assert "The same 90 rows were adapted to" in again.stdout
    assert publishing.newest_version(folder).name == "1"


def test_a_candidate_of_an_older_version_is_refused(proposed, sentence):
    shutil.copytree(proposed / "1", proposed / "2")

    refused = accept(proposed)
    taken = accept(proposed, "--from-older")
    gone = accept(proposed)

    assert refused.exit_code == gone.exit_code == 1
    assert "made from the newest version" in sentence(refused)
    assert taken.exit_code == 0
    assert (proposed / "3" / "adaptation.json").exists()
    assert "must hold a candidate" in sentence(gone)


def test_a_damaged_candidate_is_refused(proposed, sentence):
    (proposed / "candidates" / "1" / "model.keras").write_bytes(b"none")

    refused = accept(proposed)

    assert "hold the files that were published" in sentence(refused)
    assert (proposed / "candidates" / "1").exists()


def test_without_a_shift_nothing_is_written(saved, tmp_path):
    same = watched_images.write_images(tmp_path / "same", 60, seed=1)

    result = adapt(saved, same)

    assert result.exit_code == 4, result.output
    assert "kind: none" in result.stdout
    assert not (saved / "candidates").exists()


def test_without_labels_there_is_a_candidate_at_most(saved, new, unserved):
    result = adapt(saved, new)

    assert result.exit_code == 3, result.output
    assert "without labels it is not proved" in flat(result)
    assert record(saved / "candidates" / "1")["verdict"] is None


def test_where_labels_mean_something_else_a_person_decides(
    saved, tmp_path, unserved
):
    other = watched_images.write_images(tmp_path / "other", 90, seed=1)
    (other / "class 0").rename(other / "kept")
    (other / "class 1").rename(other / "class 0")
    (other / "kept").rename(other / "class 1")

    result = adapt(saved, other, "--labelled")

    about = record(saved / "candidates" / "1")
    assert result.exit_code == 3, result.output
    assert about["kind"] == "output"
    assert "mean something else" in about["reason"]


def test_an_interrupted_command_leaves_nothing(
    saved, new, monkeypatch, unserved
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapted_files, "write_report", interrupt)
    before = sorted(saved.rglob("*"))

    result = adapt(saved, new)

    assert result.exit_code == 1
    assert sorted(saved.rglob("*")) == before


def test_without_its_old_data_nothing_is_published(
    saved, more, sentence, unserved
):
    recipe = json.loads((saved / "1" / "recipe.json").read_text())
    recipe["data"] = str(saved / "gone")
    (saved / "1" / "recipe.json").write_text(json.dumps(recipe))

    result = adapt(saved, more, "--labelled", "--forgets-at-most", "0.2")
    other = adapt(saved, more, "--old", more)

    assert result.exit_code == 3, result.output
    assert "What the model forgets cannot be seen" in flat(result)
    candidate = saved / "candidates" / "1"
    assert not (candidate / "report.json").exists()
    assert record(candidate)["old_rows"] is None
    assert (
        "old data must have classes or tags that the model knows"
        in sentence(other)
    )


def test_old_rows_that_are_the_same_are_proved_by_validation_rows(
    home, saved, new, tmp_path
):
    same = shutil.copytree(home / "train", tmp_path / "moved")
    version, said = saved / "1", []
    known = load_model(version), Reference.load(version / "reference.npz")

    moved, others, own = (
        _adapted_rows._old_rows(version, *known, source, said.append)
        for source in (str(same), str(new), None)
    )

    assert (moved.doubt, own.doubt) == ("", "")
    np.testing.assert_array_equal(moved.held[0], own.held[0])
    assert "18 validation rows, where the report has 36" in others.doubt
    assert len(said) == 1 and "not known whether the model was" in said[0]


def test_late_labels_are_joined_by_the_name_of_a_file(saved, new, tmp_path):
    late = tmp_path / "late.csv"
    files = sorted(new.rglob("*.png"))[:40:2]
    rows = [f"{path.name},{path.parent.name}" for path in files]
    late.write_text("\n".join(["id,label", *rows, "other.png,class 1"]))

    result = adapt(saved, new, "--labels", late)

    assert result.exit_code == 1
    assert "1 of 21 labels is of no new row" in result.stderr
    assert "20 labels, all `class 0`" in result.stderr


ROWS = NewRows(None, ["a/1", "b/1", "c/2"], ["1", "1", "2"], [], ["", "", ""])


@pytest.mark.parametrize(
    "text, said",
    [
        ("number,label\n2,a", "no column `id`|`id`"),
        ("id,label\n2,a\n2,b", "must have one label.*`2`"),
        ("id,label\n7,a\n8,b", "must be that of a new row.*2 labels"),
        ("id,label\n1,a", "must mean one new row.*`1`"),
        ("id,label\n2,\n1,", "must not all be empty"),
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
    assert "1 id twice, with the same label" in said[0]


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


def test_a_new_class_that_is_a_known_one_but_for_case_is_said():
    said = []

    classes = ["Cat"] * 10 + ["dog"] * 10
    _late_labels.check_classes(classes, ["cat", "dog"], said.append)

    assert "New to the model: `Cat` (10 rows)" in said[0]
    assert "differ by case only, and stay separate: `cat` and `Cat`" in said[1]


def test_a_new_class_of_a_table_is_added(tmp_path, unserved):
    source = tmp_path / "t.csv"
    table_data.write_table(source, 240)
    recipe = recipes.TableRecipe(
        str(source), table_data.TARGET, epochs=1, units=4
    )
    training.run_recipe(recipe, tmp_path / "saved")
    source.unlink()  # without a report on old rows it is faster
    more = table_data.write_table(
        tmp_path / "m.csv", 120, seed=3, classes=("no", "yes", "late")
    )

    result = adapt(tmp_path / "saved", more, "--labelled")

    candidate = tmp_path / "saved" / "candidates" / "1"
    assert result.exit_code == 3, result.output
    assert publishing.check_manifest(candidate).class_count == 3
    reference = Reference.load(candidate / "reference.npz")
    assert reference.class_names == ("no", "yes", "late")
