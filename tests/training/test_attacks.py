"""Do attacks do to an image what their formulas say?"""

import sys

import keras
import numpy as np
import pytest

from aet_keras.training import attacks

pytest.importorskip("art")


def _linear(seed=0):
    """Returns a model, its w and b, and rows of most of which it is sure."""
    random = np.random.default_rng(seed)
    w, b = random.normal(0, 0.02, (12, 3)), random.normal(0, 0.1, 3)
    pixels = keras.Input((2, 2, 3))
    x = keras.layers.Rescaling(2.0, offset=-10.0)(pixels)
    x = keras.layers.Flatten()(x)
    model = keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(x))
    model.set_weights([w, b])
    images = random.integers(0, 256, (40, 2, 2, 3)).astype("uint8")
    images[0], images[1] = 0, 255  # clipped at either end
    return model, w, b, images


def _called(images, w, b):
    return (images.reshape(len(images), -1) * 2.0 - 10) @ w + b


def _gradient(images, labels, w, b):
    """Returns that of the cross-entropy, by hand: (p - y) w'."""
    logits = _called(images, w, b)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return ((p - np.eye(3)[labels]) @ w.T).reshape(images.shape)


@pytest.mark.parametrize("name", ["FGSM", "PGD"])
def test_an_attack_follows_its_formula(name):
    model, w, b, images = _linear()
    labels = _called(images, w, b).argmax(axis=1)
    seen = attacks._classifier(model, images.shape[1:])
    made = attacks._toolbox()[name](seen, 2).generate(
        images.astype("float32"), labels
    )

    start = images.astype(float)
    by_hand = start.copy()
    steps, length = (1, 2.0) if name == "FGSM" else (10, 0.5)
    for _ in range(steps):
        by_hand += length * np.sign(_gradient(by_hand, labels, w, b))
        by_hand = np.clip(by_hand, start - 2, start + 2).clip(0, 255)
    np.testing.assert_allclose(made, by_hand, atol=1e-4)
    assert np.abs(made - images).max() == 2


def test_what_is_deceived_stays_deceived():
    model, w, b, images = _linear()
    labels = _called(images, w, b).argmax(axis=1)
    labels[:10] = (labels[:10] + 1) % 3  # called wrongly as they are

    found = attacks.measure_attacks(model, images, labels)

    assert (found.clean, found.count) == (0.75, 40)
    for row in found.rows:
        one, two, four = row.accuracies
        assert 0.75 >= one >= two >= four
    # Of a linear model nothing deceives more than the sign of its gradient.
    fast = [
        images + size * np.sign(_gradient(images, labels, w, b))
        for size in (1, 2, 4)
    ]
    right = _called(images, w, b).argmax(axis=1) == labels
    for size, changed in enumerate(fast):
        said = _called(changed.clip(0, 255), w, b).argmax(axis=1)
        right &= said == labels
        assert found.rows[0].accuracies[size] == right.mean()
    assert found.rows[0].accuracies[-1] < 0.75


def test_without_the_toolbox_it_is_said_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "art.attacks", None)
    model, _, _, images = _linear()

    with pytest.raises(ImportError, match=r"aet-keras\[robustness\]|sources"):
        attacks.measure_attacks(model, images, np.zeros(40, int))
