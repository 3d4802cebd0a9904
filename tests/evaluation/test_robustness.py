"""Are images corrupted as is said, and the answers counted?"""

import numpy as np

from aet_keras.evaluation import robustness
from aet_keras.evaluation.robustness import Robustness, measure_robustness


class Counting:
    """Calls images light or dark, and keeps what it was given."""

    def __init__(self):
        self.given = []

    def predict(self, images, **settings):
        """Returns probabilities by the mean of the pixels."""
        self.given.append(images)
        light = images.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - light, light], axis=1)


def _images(count=40):
    random = np.random.default_rng(0)
    level = np.where(np.arange(count) % 2, 160, 60)[:, None, None, None]
    pixels = random.normal(level, 20, (count, 16, 16, 3))
    return pixels.clip(0, 255).astype("uint8"), np.arange(count) % 2


def test_each_corruption_is_stronger_than_the_one_before():
    images, labels = _images()
    model = Counting()

    found = measure_robustness(model, images, labels)

    clean, *others = model.given
    assert (clean == images).all()
    assert len(others) == 8 * 3
    gaps = [np.abs(each.astype(float) - images).mean() for each in others]
    for mild, medium, strong in np.reshape(gaps, (8, 3)):
        assert 0 < mild < medium < strong
    assert all(each.dtype == np.uint8 for each in others)
    assert [e.name for e in found.corrupted] == [*robustness._CORRUPTIONS]


def test_noise_has_the_spread_that_is_said():
    grey = np.full((4, 64, 64, 3), 128, "uint8")

    change, strengths = robustness._CORRUPTIONS["noise"]
    noisy = change(grey, strengths[0], np.random.default_rng(0))

    assert abs(noisy.std() / 255 - 0.06) < 0.002


def test_light_confuses_what_goes_by_light():
    images, labels = _images()

    found = measure_robustness(Counting(), images, labels)

    light = {each.name: each.accuracies for each in found.corrupted}["light"]
    assert (found.clean, light) == (1.0, (1.0, 0.5, 0.5))  # 60 + 70 > 127.5
    assert "light          1.000   0.500   0.500" in found.to_text()


def test_a_record_is_read_again():
    found = measure_robustness(Counting(), *_images(4))
    content = {
        "clean": found.clean,
        "count": found.count,
        "corrupted": [
            {"name": each.name, "accuracies": list(each.accuracies)}
            for each in found.corrupted
        ],
    }

    assert Robustness.from_json(content) == found
