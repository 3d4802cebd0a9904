"""Images of three classes, and a small published classifier of them."""

import atexit
import functools
import pathlib
import shutil
import tempfile

import image_models
import keras
import numpy as np
import pytest
from PIL import Image

from aet_keras import recipes, training


def write_images(folder, count=60, *, seed=0, light=0):
    """Writes images of three classes that differ in brightness."""
    random = np.random.default_rng(seed)
    for number in range(count):
        level = 40 + 60 * (number % 3) + light
        pixels = random.normal(level, 12, (8, 8, 3)).clip(0, 255)
        path = folder / f"class {number % 3}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype("uint8")).save(path)
    return folder


def publish(home):
    """Returns the published classifier, below a folder; it is trained once."""
    return shutil.copytree(_published(), home / "saved")


@functools.cache  # of all the files of tests that one process runs
def _published():
    home = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    source = write_images(home / "train", 150)
    recipe = recipes.Recipe(
        str(source), image_size=8, epochs=6, learning_rate=0.02
    )
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        training.run_recipe(recipe, home / "saved")
    return home / "saved"
