import os

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from aet_keras.explanations import save_overlay
from aet_keras.explanations.image_overlay import overlay

RAMP = np.linspace(0, 1, 12).reshape(1, 3, 4)


def photos(channels=3):
    shape = (1, 3, 4, channels)
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def test_without_opacity_the_image_is_left():
    laid = overlay(photos(), RAMP, opacity=0)

    assert laid.dtype == "uint8"
    np.testing.assert_array_equal(laid, photos())


def test_with_full_opacity_the_map_is_left():
    laid = overlay(photos(), 7 * RAMP, opacity=1)

    expected = np.round(255 * colormaps["inferno"](RAMP)[..., :3])
    np.testing.assert_array_equal(laid, expected)


def test_colours_get_lighter_with_the_map():
    laid = overlay(np.zeros((1, 3, 4, 3)), RAMP)

    light = laid.reshape(12, 3) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > 0).all()


def test_what_is_below_zero_counts_as_zero():
    np.testing.assert_array_equal(
        overlay(photos(), RAMP - 0.5),
        overlay(photos(), np.maximum(RAMP - 0.5, 0)),
    )


def test_each_map_has_its_own_scale_and_an_empty_one_is_dark():
    images = np.concatenate([photos()] * 3)

    laid = overlay(images, np.concatenate([RAMP, 9 * RAMP, 0 * RAMP]))

    np.testing.assert_array_equal(laid[0], laid[1])
    assert (laid[2] <= images[2] // 2 + 2).all()


def test_a_grey_image_becomes_rgb():
    grey = photos(channels=1)

    laid = overlay(grey, RAMP)

    np.testing.assert_array_equal(laid, overlay(np.repeat(grey, 3, -1), RAMP))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (photos() / 255, "Undo the preprocessing"),
        (photos() / 127.5 - 1, "Undo the preprocessing"),
        (photos() * 2.0, "Undo the preprocessing"),
        (np.full((1, 3, 4, 3), np.nan), "Undo the preprocessing"),
        (photos()[0], r"must be `\(height, width, 3\)`"),
        (photos(channels=2), r"must be `\(height, width, 3\)`"),
        (np.zeros((1, 4, 4, 3)), "the shape of the images"),
    ],
    ids=["0 to 1", "-1 to 1", "beyond", "nan", "one", "channels", "size"],
)
def test_other_images_are_refused(images, words):
    with pytest.raises(ValueError, match=words):
        overlay(images, RAMP)


@pytest.mark.parametrize("opacity", [-0.1, 1.1])
def test_an_opacity_that_is_no_share_is_refused(opacity):
    with pytest.raises(ValueError, match="`opacity` must be"):
        overlay(photos(), RAMP, opacity=opacity)


@pytest.mark.parametrize(
    "maps",
    [RAMP[0], {f"layer {i}": RAMP[0] for i in range(5)}, 0 * RAMP[0]],
    ids=["one", "five", "empty"],
)
def test_a_drawing_opens_and_nothing_lies_beside_it(maps, tmp_path):
    path = save_overlay(
        tmp_path / "new" / "hat.png",
        photos()[0],
        maps,
        title="a $\\hat 帽",
        label="weight_{",
    )

    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        assert image.width > 600
    assert os.listdir(path.parent) == ["hat.png"]


def test_an_old_drawing_is_replaced(tmp_path):
    path = save_overlay(tmp_path / "a.png", photos()[0], RAMP[0])
    old = path.read_bytes()

    save_overlay(path, photos()[0], RAMP[0], title="hat, 93 %")

    assert path.read_bytes() != old


def test_a_drawing_of_another_size_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="the shape of the images"):
        save_overlay(tmp_path / "a.png", photos()[0], np.zeros((4, 4)))

    assert not list(tmp_path.iterdir())
