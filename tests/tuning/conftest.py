import image_folders
import image_models
import pytest

from aet_keras.recipes import Recipe


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Takes the variables of KerasTuner away."""
    for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"):
        monkeypatch.delenv(f"KERASTUNER_{name}", raising=False)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """Returns a recipe of one epoch, on three convolutions of 8 pixels."""

    def load(name, *, weights=None, image_size=None):
        return image_models.backbone()

    photos = image_folders.copy_images(
        tmp_path_factory.mktemp("data") / "photos"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aet_keras.backbones.load_backbone", load)
        yield Recipe(str(photos), image_size=8, epochs=1, augment="none")
