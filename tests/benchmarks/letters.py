"""Do the defaults of `aet-keras fit` hold on letters of unseen fonts?

Thirteen letters, some of which differ by a mirror or a turn (a b d e g p q B E
F K P R), drawn in the fonts below a folder, on coloured ground, a few pixels
off the centre. Families of fonts, not images, are parted: six tenths to learn
from, 15 % to validate, a quarter to test. Nothing was chosen on them.

    python tests/benchmarks/letters.py FONTS [--ways light none robust]
        [--hold 0.4] [--seeds 0]

`FONTS` holds .ttf and .otf files, such as those of Debian's `fonts-*` packages
(`apt-get download` and `dpkg -x` unpack them anywhere); the first two of each
family are taken. Prints, for each way to augment, the test accuracy and loss,
the epochs and the seconds of the processor of `run_recipe` with the embedded
backbone and all other defaults. `--hold` sets the `hold_ratio` of the rate.
"""

import argparse
import pathlib
import tempfile

import _machine
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aet_keras.recipes import Recipe
from aet_keras.training.run import run_recipe

LETTERS, SIDE, POINTS, EACH = "abdegpqBEFKPR", 64, 40, 2


def families(fonts):
    """Returns lists of files, one a family, in an order that is drawn."""
    found = {}
    for path in sorted([*fonts.rglob("*.ttf"), *fonts.rglob("*.otf")]):
        family = path.parent.name, path.stem.split("-")[0]
        found.setdefault(family, []).append(path)
    order = np.random.default_rng(0).permutation(len(found))
    names = sorted(found)
    return [found[names[place]] for place in order]


def draw(letter, font, random):
    """Returns an image of a letter, or None where the font has none."""
    image = Image.new(
        "RGB", (SIDE, SIDE), tuple(random.integers(120, 256, 3).tolist())
    )
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = pen.textbbox((0, 0), letter, font=font)
    if right - left < 4:
        return None
    across, down = random.integers(-6, 7, 2)
    place = (
        (SIDE - left - right) / 2 + across,
        (SIDE - top - bottom) / 2 + down,
    )
    ink = tuple(random.integers(0, 100, 3).tolist())
    pen.text(place, letter, font=font, fill=ink)
    return image


def write(fonts, folder):
    """Writes the images by split and letter; returns how many."""
    random, count = np.random.default_rng(0), 0
    found = families(fonts)
    for place, paths in enumerate(found):
        done = place / len(found)
        split = "train" if done < 0.6 else "validation"
        split = split if done < 0.75 else "test"
        for path in paths[:EACH]:
            try:
                font = ImageFont.truetype(str(path), POINTS)
            except OSError:
                continue  # no font that FreeType reads
            for letter in LETTERS:
                image = draw(letter, font, random)
                if image is None:
                    continue
                case = "small" if letter.islower() else "capital"
                target = folder / split / f"{case} {letter}"
                target.mkdir(parents=True, exist_ok=True)
                image.save(target / f"{path.stem}.png")
                count += 1
    return count


def main():
    """Prints a line for each way and seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("fonts", type=pathlib.Path)
    ways = ["light", "none", "robust"]
    parser.add_argument("--ways", nargs="+", default=ways)
    parser.add_argument("--hold", type=float)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    chosen = parser.parse_args()
    rate = None
    if chosen.hold is not None:
        rate = {"policy": "AdaptToTrend", "hold_ratio": chosen.hold}
    print(_machine.describe())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print(f"{write(chosen.fonts, folder / 'letters')} images", flush=True)
        for way in chosen.ways:
            for seed in chosen.seeds:
                recipe = Recipe(
                    str(folder / "letters"), augment=way, rate=rate, seed=seed
                )
                begun = _machine.now()
                run = run_recipe(recipe, folder / f"{way}{seed}")
                _, seconds = _machine.now() - begun
                test = run.report.test
                epochs = len(run.report.history["val_loss"])
                print(
                    f"{way:6} seed {seed}: test accuracy {test.accuracy:.3f}, "
                    f"loss {test.loss:.3f}, {epochs} epochs, {seconds:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
