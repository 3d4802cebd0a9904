"""Does a report have the accuracy on corrupted images, if it is asked for?"""

import json

import image_models
import pytest
import watched_images

from aet_keras import recipes, training
from aet_keras.evaluation import Report


def test_images_are_measured_under_stress(tmp_path):
    source = watched_images.write_images(tmp_path / "train", 90)
    recipe = recipes.Recipe(
        str(source), image_size=8, epochs=1, test_ratio=0.3, stress=True
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
