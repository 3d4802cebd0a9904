"""Does a report have the accuracy on corrupted images, if it is asked for?"""

import json
import sys

import image_models
import pytest
import watched_images

from aet_keras import data, evaluation, recipes, training
from aet_keras.evaluation import Report, robustness
from aet_keras.training import stress


def test_images_are_measured_under_stress(tmp_path, unserved):
    source = watched_images.write_images(tmp_path / "train", 90)
    recipe = recipes.Recipe(
        str(source),
        image_size=8,
        epochs=1,
        test_ratio=0.3,
        augment="robust",
        stress=True,
    )
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        run = training.run_recipe(recipe, tmp_path / "saved")

    content = json.loads((run.version / "report.json").read_text())
    found = Report.from_json(content).stress
    assert found.count == run.report.test.count
    assert found.clean == pytest.approx(run.report.test.accuracy)
    assert len(found.corrupted) == 8
    card = (run.version / "card.html").read_text()
    assert "colour cast" in card
    attacks = found.attacks
    assert attacks.clean == pytest.approx(run.report.test.accuracy)
    assert [each.name for each in attacks.rows] == ["FGSM", "PGD"]
    assert "1/255" in card
    assert found.seen == ("noise", "blur", "contrast", "light", "rotation")
    assert "Training saw noise, blur, contrast, light, rotation" in card
    assert "kinds that it never saw" in run.report.to_text()


def test_corrupted_passes_are_recorded_and_replayed(tmp_path):
    source = watched_images.write_images(tmp_path / "train", 60)
    recipe = recipes.Recipe(
        str(source),
        image_size=8,
        epochs=6,
        augment="robust",
        thaw={"policy": "ThawOnSchedule", "every_epochs": 4},
    )
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        job = training.image_job
        dataset = job.read_dataset(recipe)
        model = job.build_classifier(
            recipe, len(dataset.specification.class_names)
        )
        run = job.fit_recipe(model, recipe, dataset)

    said = [sentence for _, sentence in run.cache_events]
    for view in (1, 2, 3):
        assert any(f"records view {view} of 3" in each for each in said)
    assert not any("no cache" in each for each in said)
    moved = [sum(each) for each in run.trained_groups]
    assert moved[0] == 0 and moved[-1] > 0
    assert run.history["elastic_freezing/cached_groups"][-1] > 0


def test_without_the_toolbox_a_note_says_so(monkeypatch):
    rows = (robustness.Stressed("noise", (0.5, 0.5, 0.5)),)
    measured = robustness.Robustness(0.5, rows, 2)
    monkeypatch.setattr(stress, "measure_robustness", lambda *_, rule: measured)
    monkeypatch.setitem(sys.modules, "art.attacks", None)
    digits = data.read_digits(image_size=(8, 8))
    test = evaluation.measure_classification(
        [0, 1], [[0.9, 0.1], [0.2, 0.8]], class_names=["hat", "shoe"]
    )

    report = stress.with_stress(
        evaluation.Report("clothes", "2026-01-31T12:00:00", test),
        recipes.Recipe("digits", stress=True, augment="light"),
        None,
        digits,
    )

    assert report.stress.seen == ("contrast", "light", "rotation")
    assert report.stress.attacks is None
    assert "deceive" in report.notes[-1] and "robustness" in report.notes[-1]
