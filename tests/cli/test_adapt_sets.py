"""Does an adapted version answer with sets that are its own, or say so?"""

import dataclasses
import json
import shutil

import image_models
import numpy as np
import pytest
import watched_images
from click.testing import CliRunner

from aet_keras import evaluation, recipes, training
from aet_keras.cli import main
from aet_keras.cli._new_rows import load_model
from aet_keras.evaluation.conformal import Guarantee
from aet_keras.training import adapt_version, kept_sets, stress

ORDER = ("class 2", "class 1", "class 0")


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Returns where a classifier is that answers with sets, and its data."""
    home = tmp_path_factory.mktemp("sets")
    source = watched_images.write_images(home / "train", 150)
    recipe = recipes.Recipe(
        str(source),
        image_size=8,
        epochs=6,
        learning_rate=0.02,
        coverage=0.8,
        class_order=ORDER,
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


def record(path):
    return json.loads((path / "adaptation.json").read_text())


def flat(result):
    return " ".join(result.stdout.split())


def test_new_rows_that_were_set_aside_calibrate_it(
    saved, tmp_path, monkeypatch
):
    new = watched_images.write_images(tmp_path / "new", 120, seed=1, light=80)
    seen, adapt = [], adapt_version.adapt

    def watched(model, rows, labels, **settings):
        seen.append(rows)
        return adapt(model, rows, labels, **settings)

    monkeypatch.setattr(adapt_version, "adapt", watched)
    result = run(
        *("adapt", saved, new, "--labelled", "--candidate-only"),
        *("--forgets-at-most", 1),
    )
    candidate = saved / "candidates" / "1"
    accepted = run("export", saved, "--accept")

    assert result.exit_code == 3, result.output
    assert "30 of these are set aside" in flat(result)
    assert "calibrated on 30 of the new rows" in flat(accepted)
    assert not candidate.exists()
    made, model = kept_sets.read_guarantee(saved / "2"), load_model(saved / "2")
    images, labels = _images(new)
    known = {each.tobytes() for each in seen[0]}
    aside = [row.tobytes() not in known for row in images]
    said = model.predict(images[aside], verbose=0)
    scores = np.sort(-said[np.arange(30), labels[aside]])
    assert (len(seen[0]), made.count) == (90, 30)
    # The score of rank ceil(31 x 0.8) = 25, by hand.
    assert made.limit == pytest.approx(-scores[24], abs=3e-6)
    assert "30 rows" in (saved / "2" / "card.md").read_text()
    report = evaluation.Report.from_json(
        json.loads((saved / "2" / "report.json").read_text())
    )
    assert report.coverage.count == 30 and report.coverage.is_crossed
    assert report.test.order.mae >= 0
    image = next(new.rglob("*.png"))
    said = json.loads(run("predict", saved, image, "--json").stdout)
    assert said["median"] in said["set"]


def _images(folder):
    from aet_keras.cli._inputs import read_images

    files = sorted(folder.rglob("*.png"))
    rows = [row.values["images"] for row in read_images(files, (8, 8))]
    return np.stack(rows), np.array(
        [ORDER.index(each.parent.name) for each in files]
    )


def test_old_test_rows_calibrate_it_and_put_it_under_stress(
    saved, tmp_path, monkeypatch, unserved
):
    new = watched_images.write_images(tmp_path / "new", 60, seed=1, light=80)
    recipe = json.loads((saved / "1" / "recipe.json").read_text())
    recipe["stress"] = True
    (saved / "1" / "recipe.json").write_text(json.dumps(recipe))
    monkeypatch.setattr(stress, "measure_attacks", lambda *_, rule: None)

    result = run(
        *("adapt", saved, new, "--labelled", "--candidate-only"),
        *("--forgets-at-most", 1),
    )

    assert result.exit_code == 3, result.output
    made = kept_sets.read_guarantee(saved / "candidates" / "1")
    assert "half of the test rows" in made.source
    assert f"calibrated on {made.count} old test rows" in flat(result)
    report = (saved / "candidates" / "1" / "report.json").read_text()
    found = evaluation.Report.from_json(json.loads(report))
    assert found.stress.count == found.test.count
    assert found.stress.clean == pytest.approx(found.test.accuracy)
    assert len(found.stress.corrupted) == 8


def test_without_rows_to_calibrate_on_it_says_so(saved, tmp_path, unserved):
    new = watched_images.write_images(tmp_path / "new", 60, seed=1, light=80)
    recipe = json.loads((saved / "1" / "recipe.json").read_text())
    recipe["data"] = str(tmp_path / "gone")
    (saved / "1" / "recipe.json").write_text(json.dumps(recipe))

    result = run("adapt", saved, new, "--labelled")

    candidate = saved / "candidates" / "1"
    mend = f"`aet-keras calibrate {saved} ROWS` gives it new ones"
    assert result.exit_code == 3, result.output
    assert kept_sets.read_guarantee(candidate) is None
    assert mend in flat(result) and "answers without sets" in flat(result)
    assert record(candidate)["sets"] in (candidate / "card.md").read_text()
    assert mend in run("export", saved, "--accept").stdout.replace("\n", " ")


@pytest.mark.parametrize(
    "count, coverage, expected",
    [(100, 0.9, 25), (79, 0.9, 0), (100, 0.97, 0), (4000, 0.9, 500)],
    ids=["a-quarter", "below-20", "below-32-needed", "at-most-500"],
)
def test_a_quarter_is_set_aside_if_it_is_enough(count, coverage, expected):
    labels = np.append(np.arange(count) % 2, [-1] * 7)
    promised = Guarantee(coverage, 0.1, 30, "classes")

    found = kept_sets.set_aside(promised, labels, seed=0)

    assert found.sum() == expected
    assert not found[count:].any()
    assert not kept_sets.set_aside(None, labels, seed=0).any()


def test_a_class_of_one_row_is_not_set_aside():
    labels = np.zeros(100, int)
    promised = Guarantee(0.9, 0.1, 30, "classes")
    chosen = kept_sets.set_aside(promised, labels, seed=0)
    labels[chosen.argmax()] = 1

    assert not kept_sets.set_aside(promised, labels, seed=0).any()


def test_an_order_is_lost_with_a_class_that_has_no_place_in_it():
    recipe = dataclasses.replace(
        recipes.Recipe("digits"), class_order=("numbers",)
    )

    known = [
        training.class_order.is_in_order(recipe, names)
        for names in (["1", "2", "10"], ["1", "10", "2"], ["1", "2", "x"])
    ]

    assert known == [True, False, False]
