"""Do backbones come with what they were asked for, or with a way on?"""

import importlib.resources

import h5py
import image_models
import keras
import numpy as np
import pytest

from aet_keras import backbones
from aet_keras.errors import WeightsError

SMALL = {"name": "MobileNetV2", "image_size": (32, 32)}
QUICK = {"name": "VGG16", "image_size": (32, 32)}  # the fewest layers to build


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Returns a random MobileNetV2, and the file of its weights."""
    path = tmp_path_factory.mktemp("saved") / "mine.weights.h5"
    model = backbones.load_backbone(**SMALL, weights="none")
    model.save_weights(path)
    return model, path


@pytest.fixture
def offline(monkeypatch):
    """Lets every download fail as it does without a network."""

    def fail(fname, origin, **settings):
        raise Exception(
            f"URL fetch failure on {origin}: None -- [Errno -3] Temporary "
            "failure in name resolution"
        )

    family = keras.applications.MobileNetV2.__globals__
    monkeypatch.setattr(family["file_utils"], "get_file", fail)


def test_the_names_are_the_embedded_one_and_those_of_keras():
    names = backbones.backbone_names()

    assert names[0] == "embedded" and len(names) == len(set(names)) > 30
    assert list(names[1:]) == sorted(names[1:])
    assert all(hasattr(keras.applications, name) for name in names[1:])


def test_the_embedded_backbone_comes_with_its_weights():
    trained = backbones.load_backbone()
    random = backbones.load_backbone(weights="none")

    pairs = zip(trained.get_weights(), random.get_weights(), strict=True)
    assert all(not np.array_equal(*pair) for pair in pairs)
    assert trained.output_shape == (None, 2, 2, 1280)


def test_weights_survive_a_file(saved):
    model, path = saved

    loaded = backbones.load_backbone(**SMALL, weights=str(path))

    for wanted, got in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(wanted, got)


def test_a_mistyped_name_is_answered_with_the_nearest_three():
    with pytest.raises(ValueError) as caught:
        backbones.load_backbone("MobilNetV2")

    nearest = str(caught.value).split("Nearest: ")[1].split(". ")[0]
    assert "`MobileNetV2`" in nearest and nearest.count(",") == 2
    assert "no backbone `MobilNetV2`" in str(caught.value)


def test_imagenet_without_a_network_says_how_to_go_on(offline):
    with pytest.raises(WeightsError) as caught:
        backbones.load_backbone(**SMALL)

    said = str(caught.value)
    assert "MobileNetV2 must be downloaded once" in said
    assert "name resolution" in said
    assert "`weights=FILE.weights.h5`" in said and "weights='none'" in said


def test_a_broken_download_is_not_blamed_on_the_images(monkeypatch):
    def fail(*_, **__):
        raise ValueError("Incomplete or corrupted file detected.")

    family = keras.applications.MobileNetV2.__globals__
    monkeypatch.setattr(family["file_utils"], "get_file", fail)

    with pytest.raises(WeightsError, match="that failed: Incomplete"):
        backbones.load_backbone(**SMALL)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("embedded", "none"),
        ("MobileNetV2", "none"),
        ("MobileNetV2", "imagenet"),
        ("VGG16", "none"),
        ("VGG16", "imagenet"),
    ],
)
def test_images_that_are_too_small_are_refused(name, weights, offline):
    with pytest.raises(ValueError, match=f"{name} cannot take .* 8 x 8"):
        backbones.load_backbone(name, weights=weights, image_size=(8, 8))


def test_weights_of_another_family_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    image_models.backbone().save_weights(path)

    with pytest.raises(WeightsError, match="of MobileNetV2 without its head"):
        backbones.load_backbone(**SMALL, weights=str(path))


def test_weights_of_another_width_are_refused():
    assets = importlib.resources.files("aet_keras") / "assets"
    path = assets / "mobilenet_v2_025.weights.h5"

    with pytest.raises(WeightsError, match="take them by shape.*does not"):
        backbones.load_backbone(**SMALL, weights=str(path))


def test_a_head_in_the_file_is_left_out(tmp_path):
    path = tmp_path / "full.weights.h5"
    full = keras.applications.MobileNetV2(weights=None, alpha=0.25)
    full.save_weights(path)

    loaded = backbones.load_backbone(weights=str(path))

    assert len(loaded.weights) == len(full.weights) - 2  # kernel and bias
    for wanted, got in zip(full.weights, loaded.weights, strict=False):
        np.testing.assert_array_equal(wanted, got)


def make_truncated(path, whole):
    path.write_bytes(whole.read_bytes()[:100_000])


def make_unrelated(path, whole):
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(3)


@pytest.mark.parametrize(
    "make",
    [
        make_truncated,
        make_unrelated,
        lambda path, whole: path.write_bytes(b""),
        lambda path, whole: path.write_text("weights"),
    ],
    ids=["truncated", "unrelated", "empty", "text"],
)
def test_a_file_that_is_no_weights_is_refused(make, saved, tmp_path):
    path = tmp_path / "bad.weights.h5"
    make(path, saved[1])

    with pytest.raises(WeightsError, match="`.*bad.weights.h5`, which does"):
        backbones.load_backbone(**QUICK, weights=str(path))


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "gone.weights.h5"

    with pytest.raises(
        WeightsError, match="gone.weights.h5, which is not there"
    ):
        backbones.load_backbone(**QUICK, weights=str(path))


@pytest.mark.parametrize(
    ("name", "weights", "advice"),
    [
        ("VGG16", "model.keras", "'imagenet', 'none' or a `.weights.h5`"),
        ("VGG16", "embedded", "'imagenet', 'none' or a `.weights.h5`"),
        ("embedded", "imagenet", "'embedded', 'none' or a `.weights.h5`"),
    ],
    ids=["another format", "the embedded ones", "imagenet for the embedded"],
)
def test_weights_that_are_not_offered_are_refused(name, weights, advice):
    with pytest.raises(ValueError, match=advice):
        backbones.load_backbone(name, weights=weights, image_size=(32, 32))
