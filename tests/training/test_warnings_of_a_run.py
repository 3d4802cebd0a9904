"""Is a person told what may mislead, before training and in the report?"""

import image_folders
import image_models
import numpy as np
import pytest
from PIL import Image

from aet_keras import data, recipes, training
from aet_keras.backbones import cached_weights
from aet_keras.training import image_job
from aet_keras.training.image_job import with_backbone_note


@pytest.fixture(autouse=True, scope="module")
def tiny(tmp_path_factory):
    """Puts three convolutions in the place of backbones, and hides caches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "aet_keras.backbones.load_backbone",
            lambda name, **settings: image_models.backbone(),
        )
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield


def write_photos(folder, counts):
    random = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = random.integers(0, 256, (8, 8, 3), "uint8")
            Image.fromarray(image).save(folder / name / f"{number}.png")
    return str(folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Returns the report on 75, 6 and 5 coloured images, and what was said."""
    folder = tmp_path_factory.mktemp("photos")
    photos = write_photos(folder / "a", {"common": 75, "odd": 6, "rare": 5})
    recipe = recipes.Recipe(
        photos,
        image_size=8,
        epochs=1,
        learning_rate=1e-9,
        augment="none",
        dropout=0.0,
    )
    job = image_job.JOB
    dataset = job.read(recipe)
    said = [*job.introduce(dataset)]
    model = job.build(recipe, dataset)
    run = job.fit(model, recipe, dataset, best=job.best(recipe, dataset))
    return job.measure(run, "photos", dataset), said


def test_colour_is_said_before_training_with_the_better_command(done):
    report, said = done

    (note,) = [each for each in said if "embedded backbone" in each]
    assert note.startswith("100% of the images are coloured")
    assert "--backbone MobileNetV2 --image-size 96`, 9 MB" in note
    assert note in report.notes


def test_imbalance_is_said_before_training_with_the_option(done):
    _, said = done

    (note,) = [each for each in said if "differ much in size" in each]
    assert "rows of `common`" in note and "--class-weight balanced" in note


def test_the_report_stands_beside_the_majority(done):
    report, _ = done

    accuracy, balanced = report.baselines
    assert accuracy.baseline == max(
        score.count / report.test.count for score in report.test.per_class
    )
    assert balanced.baseline == pytest.approx(1 / 3)
    assert report.verdict and report.verdict in report.to_json()["verdict"]


def recipe_and_images(folder, **settings):
    recipe = recipes.Recipe(folder, image_size=16, **settings)
    return recipe, data.read_images(folder, image_size=(16, 16))


def notes(*pair):
    return len(with_backbone_note(*pair).notes) - len(pair[1].notes)


def test_no_word_of_grey_images_and_of_other_backbones(tmp_path):
    grey = str(image_folders.copy_images(tmp_path / "grey"))
    photos = write_photos(tmp_path / "photos", {"a": 5, "b": 5})

    assert notes(*recipe_and_images(photos)) == 1
    assert notes(*recipe_and_images(grey)) == 0
    assert notes(*recipe_and_images(photos, backbone="MobileNetV2")) == 0
    assert notes(*recipe_and_images(photos, weights="none")) == 0


def test_weights_in_the_cache_are_named_as_needing_no_download(
    tmp_path, monkeypatch
):

    path = tmp_path / "models" / "a.h5"
    found = (cached_weights.CachedWeights("MobileNetV2", path, 160),)
    monkeypatch.setattr(image_job, "find_cached_weights", lambda: found)
    photos = write_photos(tmp_path / "photos", {"a": 5, "b": 5})

    *_, note = with_backbone_note(*recipe_and_images(photos)).notes

    assert "`--backbone MobileNetV2 --image-size 160`. Its weights" in note
    assert f"{path.parent}: nothing is downloaded" in note


def test_class_weights_are_said_in_the_report(tmp_path):
    photos = write_photos(tmp_path / "photos", {"a": 20, "b": 5})
    recipe = recipes.Recipe(photos, image_size=8, class_weight="balanced")

    *others, note = training.image_job.read_dataset(recipe).notes

    assert note.startswith("`class_weight` is balanced")
    assert any("differ much in size" in each for each in others)
    assert not any("--class-weight" in each for each in others)
    # 14 and 3 of 17 are learned from: 17 / (2 * 3) and 17 / (2 * 14)
    assert "weight 2.83 of `b`, 0.607 of `a`" in note
