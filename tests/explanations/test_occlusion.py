import keras
import numpy as np
import patch_models
import pytest
from keras import layers

from aet_keras.explanations import Occlusion


def mean_brightness(size):
    """Returns a model whose class 1 is the mean of the pixels."""
    head = layers.Dense(2, use_bias=False)
    model = keras.Sequential(
        [keras.Input((*size, 1)), layers.GlobalAveragePooling2D(), head]
    )
    head.set_weights([np.float32([[0, 1]])])
    return model


def one_pixel(size, place=(0, 0)):
    images = np.zeros((1, *size, 1))
    images[0, *place, 0] = 16
    return images


def test_the_fall_is_that_of_the_square_over_a_pixel():
    explain = Occlusion(mean_brightness((4, 4)), window=2, stride=2, fill=0)

    (found,) = explain(one_pixel((4, 4)), 1)

    # 16 / 16 pixels = 1 falls to 0 where the one square covers the pixel.
    expected = np.zeros((4, 4))
    expected[:2, :2] = 1
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == "float32"


def test_squares_that_overlap_are_averaged():
    explain = Occlusion(mean_brightness((1, 4)), window=1, fill=0)
    wide = Occlusion(mean_brightness((3, 3)), window=2, stride=1, fill=0)

    (row,) = explain(one_pixel((1, 4), (0, 2)) / 4, 1)
    (found,) = wide(one_pixel((3, 3)), 1)

    np.testing.assert_allclose(row, [[0, 0, 1, 0]], atol=1e-6)
    # One of the four squares covers the corner; the middle lies in all four,
    # the edges beside the corner in two.
    fall = 16 / 9
    expected = [[1, 1 / 2, 0], [1 / 2, 1 / 4, 0], [0, 0, 0]]
    np.testing.assert_allclose(found, fall * np.array(expected), atol=1e-6)


def test_the_last_square_reaches_the_border():
    explain = Occlusion(mean_brightness((5, 5)), window=2, stride=2, fill=0)

    (found,) = explain(one_pixel((5, 5), (4, 4)), 1)

    assert found[4, 4] == pytest.approx(16 / 25)
    assert np.isfinite(found).all()


def test_a_plain_image_misses_nothing_under_its_mean_colour():
    explain = Occlusion(mean_brightness((8, 8)))

    found = explain(np.full((1, 8, 8, 1), 7.0), 1)

    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_what_speaks_against_a_class_is_below_zero():
    found = Occlusion(patch_models.classifier())(patch_models.patch_images(), 0)

    assert (found.min(axis=(1, 2)) < -0.01).all()
    np.testing.assert_allclose(
        found,
        -Occlusion(patch_models.classifier())(patch_models.patch_images(), 1),
        atol=1e-6,
    )


def test_a_planted_patch_is_found():
    found = Occlusion(patch_models.classifier())(patch_models.patch_images(), 1)

    assert all(
        patch_models.is_inside(patch_models.peak_position(each))
        for each in found
    )


def test_the_predicted_class_is_explained_where_none_is_named():
    explain, images = (
        Occlusion(patch_models.classifier()),
        patch_models.patch_images(),
    )

    np.testing.assert_array_equal(explain(images), explain(images, [1, 1]))


def test_a_colour_a_channel_covers_with_that_colour():
    images = np.tile(np.float32([10, 20, 30]), (1, 16, 16, 1))

    found = Occlusion(patch_models.classifier(), fill=[10, 20, 30])(images, 1)

    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_any_model_will_do():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return keras.ops.mean(inputs, axis=(1, 2))

    found = Occlusion(Subclassed(), fill=0)(patch_models.patch_images(), 2)

    assert found.shape == (2, 16, 16)
    assert found.min() > 0


def test_a_single_column_is_class_1():
    single = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.GlobalAveragePooling2D()]
    )
    images = one_pixel((4, 4)) / 4

    expected = Occlusion(mean_brightness((4, 4)), fill=0)(images, 1)
    left, right = (Occlusion(single, fill=0)(images, c) for c in (0, 1))

    np.testing.assert_allclose(right, expected, atol=1e-6)
    np.testing.assert_allclose(left, -expected, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"window": 0}, ValueError),
        ({"window": 17}, ValueError),
        ({"window": 2, "stride": 3}, ValueError),
        ({"stride": 0}, ValueError),
        ({"window": 2.0}, TypeError),
        ({"fill": [1, 2]}, ValueError),
        ({"fill": "grey"}, ValueError),
    ],
    ids=lambda value: str(value),
)
def test_settings_that_do_not_fit_are_refused(settings, error):
    with pytest.raises(error, match=r"Occlusion: .* must .*Received"):
        Occlusion(patch_models.classifier(), **settings)(
            patch_models.patch_images()
        )


def test_a_model_that_gives_maps_is_refused():
    with pytest.raises(ValueError, match="one row of scores"):
        Occlusion(patch_models.backbone())(patch_models.patch_images())
