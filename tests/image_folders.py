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
