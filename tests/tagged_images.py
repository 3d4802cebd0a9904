"""Images with tags, named by a table, that a tiny model tells apart."""

import csv

import numpy as np
from PIL import Image


def write_table(home, name, *, seed, count, flipped=False):
    """Writes images, light or dark and red or not, and a table of their tags.

    With `flipped`, what was light is called dark: another meaning.
    """
    random = np.random.default_rng(seed)
    (home / name).mkdir()
    rows = [("file", "tags", "id")]
    for number in range(count):
        light, red = number % 2, number % 3 == 0
        pixels = random.normal(60 + 120 * light, 12, (8, 8, 3))
        pixels[..., 1:] -= 50 * red
        path = home / name / f"{number:03}.png"
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(path)
        tags = ["light"] * (light != flipped) + ["red"] * red
        rows.append((f"{name}/{path.name}", ";".join(tags), f"row {number}"))
    with (home / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return home / f"{name}.csv"
