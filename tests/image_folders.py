"""Copies the shipped images, and adds files that are bad or unusual."""

import pathlib
import shutil

import numpy as np
from PIL import Image

IMAGES = pathlib.Path(__file__).parent / "images"


def copy_images(to):
    """Copies the hundred images, ten classes of ten, to a new folder."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__")
    return pathlib.Path(shutil.copytree(IMAGES, to, ignore=ignored))


def add_bad_files(folder):
    """Adds four files that are no images; returns their paths.

    Beside them two hidden files, which no reader may mind.
    """
    folder = pathlib.Path(folder)
    for name in (".DS_Store", "Thumbs.db"):
        (folder / "zero" / name).write_bytes(b"litter")
    truncated = folder / "one" / "truncated.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    Image.fromarray(noise).save(truncated)
    truncated.write_bytes(truncated.read_bytes()[:1500])
    empty = folder / "two" / "empty.png"
    empty.touch()
    text = folder / "three" / "text.jpg"
    text.write_text("a letter, not an image")
    notes = folder / "four" / "notes.txt"
    notes.write_text("where these are from")
    return truncated, empty, text, notes


def add_unusual_images(folder):
    """Adds good images that are not RGB; returns their paths."""
    folder = pathlib.Path(folder)
    grey = Image.fromarray(np.full((16, 16), 99, "uint8"))
    grey_path = folder / "five" / "grey.jpg"
    grey.save(grey_path)
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 128))
    clear_path = folder / "six" / "clear.PNG"
    clear.save(clear_path)
    return grey_path, clear_path


def write_levels(folder, count=60, *, seed=0, light=0):
    """Writes images of three classes that differ in brightness."""
    random = np.random.default_rng(seed)
    for number in range(count):
        level = 40 + 60 * (number % 3) + light
        pixels = random.normal(level, 12, (8, 8, 3)).clip(0, 255)
        path = folder / f"class {number % 3}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype("uint8")).save(path)
    return folder
