import keras
import numpy as np
import pytest

from aet_keras.data import build_augmentation

NAMES = ("flip", "light", "strong", "robust")


def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (8, 8, 8, 3)).astype("float32")


def changed(name, seed=0):
    layers = build_augmentation(name, image_size=(8, 8), seed=seed)
    return np.asarray(layers(images(), training=True))


def test_none_is_no_layer_at_all():
    assert build_augmentation("none", image_size=(8, 8), seed=0) is None


def test_flip_mirrors_some_images_and_nothing_else():
    before, after = images(), changed("flip")

    is_same = (after == before).all((1, 2, 3))
    is_mirrored = (after == before[:, :, ::-1]).all((1, 2, 3))
    assert (is_same | is_mirrored).all()
    assert is_same.any() and is_mirrored.any()


@pytest.mark.parametrize("name", NAMES)
def test_pixels_change_and_stay_in_range(name):
    after = changed(name)

    assert after.dtype == np.float32 and after.shape == (8, 8, 8, 3)
    assert after.min() >= 0 and after.max() <= 255
    assert np.abs(after - images()).max() > 1


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_the_change(name):
    np.testing.assert_array_equal(changed(name), changed(name))
    assert (changed(name) != changed(name, seed=1)).any()


def test_pixels_stay_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")

    assert changed("light").dtype == np.float32


def test_an_unknown_name_lists_the_others():
    names = "'none', 'flip', 'light', 'strong', 'robust'"
    with pytest.raises(ValueError, match=names):
        build_augmentation("heavy", image_size=(8, 8), seed=0)
