"""Old images made to look like new ones, of which nothing is known."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from aet_keras.training import _likeness, _mixed_fit, _remedies
from aet_keras.training._known_outputs import KnownOutputs
from aet_keras.training._targets import ClassTarget

SIDE = 16


def drawn(seed, count=200):
    """Smooth images of three channels, as uint8, with grey edges."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(count, SIDE, SIDE, 3))
    smooth = ndimage.gaussian_filter(noise, (0, 1.5, 1.5, 0))
    smooth = smooth + smooth.mean(axis=-1, keepdims=True)
    return np.clip(128 + 140 * smooth, 0, 255).astype("uint8")


def noisy(images):
    random = np.random.default_rng(9)
    found = images + random.normal(0, 30, images.shape)
    return np.clip(found, 0, 255).astype("uint8")


def blurred(images):
    return ndimage.gaussian_filter(images, (0, 1.5, 1.5, 0))


def cast(images):
    return (images * np.array([0.9, 0.5, 0.25]) + 20).astype("uint8")


def described(images):
    """The mean and the covariance of channels, and of neighbours' steps."""
    images = images.astype("float64")
    steps = np.diff(images, axis=2).reshape(-1, 3)
    pixels = images.reshape(-1, 3)
    return [
        pixels.mean(axis=0),
        np.sqrt(np.abs(np.cov(pixels.T))),
        np.sqrt(np.abs(np.cov(steps.T))),
    ]


@pytest.mark.parametrize("change", [noisy, blurred, cast])
def test_made_images_have_the_look_of_new_ones(change):
    old, new, others = drawn(0), change(drawn(1)), drawn(2)
    likeness = _likeness.Likeness(old, new)

    made = likeness.apply(others, np.random.default_rng(0))

    assert made.dtype == np.uint8
    triples = zip(*map(described, (others, new, made)), strict=True)
    for was, wanted, found in triples:
        off = np.abs(wanted - found).max()
        assert off < max(3.0, 0.15 * np.abs(wanted - was).max())


def test_made_images_show_what_old_ones_show():
    """What is blurred without being seen is met pixel by pixel."""
    old, others = drawn(0), drawn(2)
    likeness = _likeness.Likeness(old, blurred(drawn(1)))

    made = likeness.apply(others, np.random.default_rng(0)).astype("float64")

    before, after = (
        np.abs(each - blurred(others)).mean() for each in (others, made)
    )
    assert after < before / 3


def test_images_of_the_same_kind_stay_as_they_are():
    made = _likeness.Likeness(drawn(0), drawn(1)).apply(
        drawn(2), np.random.default_rng(0)
    )

    assert np.abs(made - drawn(2).astype(float)).mean() < 6


def test_only_images_of_one_size_are_made_alike():
    images = drawn(0)
    cases = {
        "images": (images, images, True),
        "sizes": (images, images[:, :8], False),
        "few": (images, images[:49], False),
        "tables": (np.zeros((99, 4)), np.zeros((99, 4)), False),
        "tokens": ({"ids": images}, {"ids": images}, False),
    }
    for name, (old, new, wanted) in cases.items():
        assert _likeness.can_be_likened(old, new) is wanted, name


def test_made_rows_are_met_if_they_are_much_nearer_than_old_ones():
    random = np.random.default_rng(0)
    old, near, far, new = (
        random.normal(center, 1, (100, 8)) for center in (0, 0.8, 0.3, 1)
    )

    assert _likeness.is_met(old, near, new)
    assert not _likeness.is_met(old, far, new)
    assert not _likeness.is_met(old, new + 2, new)


@pytest.mark.parametrize(
    ("activation", "is_met", "is_made"),
    [
        ("softmax", True, True),
        ("softmax", False, False),
        ("sigmoid", True, False),  # no head whose features are compared
    ],
)
def test_images_are_made_only_if_the_model_takes_them_for_new(
    activation, is_met, is_made, monkeypatch
):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation=activation),
    ]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *layers])
    new, labels = noisy(drawn(1)), np.zeros(200, int)
    rows, old = (_mixed_fit.Rows(x, labels) for x in (new, drawn(0)))
    settings, target = _mixed_fit.Settings(), ClassTarget(model)
    outputs = KnownOutputs(target)
    case = _remedies.Case(
        model, new, rows, old, None, settings, outputs, target
    )
    if not is_met:
        monkeypatch.setattr(_remedies, "is_met", lambda *features: False)

    assert (case.likeness is not None) is is_made


def test_a_third_of_a_batch_is_made():
    old, new = drawn(0), noisy(drawn(1))
    likeness = _likeness.Likeness(old, new)
    rows = [_mixed_fit.Rows(x, np.arange(200) % 3) for x in (new, old)]
    settings = _mixed_fit.Settings(epochs=1, batch_size=30)

    batches = _mixed_fit.MixedBatches(*rows, settings, likeness)
    (x, y), (again, _) = batches[3], batches[3]

    np.testing.assert_array_equal(x, again)
    assert x.shape == (30, SIDE, SIDE, 3) and x.dtype == np.uint8
    rough = np.abs(np.diff(x.astype(float), axis=2)).mean(axis=(1, 2, 3))
    assert rough[:20].min() > rough[20:].max()
    shown = {
        row.tobytes(): label for row, label in zip(old, rows[1].y, strict=True)
    }
    assert [shown[row.tobytes()] for row in x[20:]] == y[20:].tolist()
