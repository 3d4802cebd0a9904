"""Writes a small table of items: a picture, a text and other columns."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

WORDS = "zero one two three four five six seven eight nine".split()


def write_items(folder, count=120, *, gaps=True, seed=0, image_size=32):
    """Writes pictures of four digits, of which no part tells all.

    The picture tells a digit, the text whether it is even, and the colour
    whether it is large. Some rows lack a picture or a text.

    Returns:
        The path of the table.
    """
    random = np.random.default_rng(seed)
    digits = load_digits()
    chosen = random.permutation(np.flatnonzero(digits.target < 4))[:count]
    lines = ["file,title,ink,colour,kind"]
    for number, row in enumerate(chosen):
        label = int(digits.target[row])
        pixels = (255 - digits.images[row] * 255 / 16).astype("uint8")
        file = f"{number}.png"
        size = (image_size, image_size)
        Image.fromarray(pixels).resize(size).save(folder / file)
        title = f"{random.choice(['A', 'The'])} {['even', 'odd'][label % 2]}"
        title += f" number {random.integers(100)}"
        colour = ["red", "blue"][int(label > 1)]
        if random.random() < 0.2:
            colour = random.choice(["red", "blue"])
        if gaps and number % 10 == 3:
            file = ""
        if gaps and number % 10 == 7:
            title = ""
        if gaps and number == 13:
            title = ""
        ink = f"{digits.images[row].mean():.2f}"
        lines.append(f"{file},{title},{ink},{colour},{WORDS[label]}")
    path = folder / "items.csv"
    path.write_text("\n".join(lines))
    return path


def small_backbone(name, *, weights, image_size):
    """Returns two seeded convolutions, in the place of `load_backbone`."""
    import keras

    keras.utils.set_random_seed(1)
    pixels = keras.Input((*image_size, 3))
    x = pixels
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 3, 2, "same", activation="relu")(x)
    return keras.Model(pixels, x, name="small")
