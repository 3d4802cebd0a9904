"""Does training on corrupted images help with kinds that it never saw?

Wanted on clothing10, of a tuned model: the accuracy on kinds of corruption
that training never saw is at least 3 points higher, and clean not lower.

    python tests/benchmarks/stress.py --file stress.jsonl \\
        [--backbones embedded mobilenet command] \\
        [--ways plain robust keras light] \\
        [--seeds 0 1 2] [--kinds] [--attacked 100]

Ways: `plain` is `fine_tune` on the images as they are; `robust` what
`--augment robust` does (half of the images corrupted by noise, a blur, less
contrast, light or a turn; recorded passes are replayed); `keras` what a user
would write instead, Keras's own `RandomFlip`, `RandomRotation` (15 degrees)
and `RandomContrast` (0.2), new in each epoch, so that nothing is replayed;
`light` and `strong` what `--augment` offers besides (`strong` is RandAugment).
All have the same epochs, the same validation images as they are, and stop
early alike. The backbone `command` is what `aet-keras fit` does where nothing
else is said: the embedded one, whose BatchNormalization trains, 20 epochs;
`plain` is `--augment none` there.

Figures are of the test images: clean; the mean over kinds and severities that
`robust` saw, and over those that no way saw (JPEG, coarse pixels, a colour
cast); seconds of the processor of `fit`; with `--attacked`, what FGSM and
PGD leave of so many images at 1, 2 and 4 of 255.

Each run is a process of its own, and a line of the file; what the file has
already is not run again. `--validation` measures validation images as well,
and prints those figures alone: settings were chosen by them.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import _cells
import _machine
import keras
import numpy as np

import aet_keras
from aet_keras import data
from aet_keras.data.image_augmentation import SEEN
from aet_keras.evaluation.robustness import measure_robustness
from aet_keras.recipes import Recipe
from aet_keras.training import image_job
from aet_keras.training.attacks import measure_attacks
from aet_keras.training.image_job import ROBUST_VIEWS

DATA = "clothing10"
EPOCHS = {"embedded": 12, "mobilenet": 5}


def augmentation(way, side, seed):
    """Returns what changes training images, or None."""
    if way == "plain":
        return None
    if way != "keras":
        return data.build_augmentation(way, image_size=(side, side), seed=seed)
    options = {"seed": seed, "dtype": "float32"}
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            layers.RandomFlip("horizontal", **options),
            layers.RandomRotation(15 / 360, **options),
            layers.RandomContrast(0.2, **options),
        ]
    )


def batches(part, **settings):
    """Returns images and labels as a data set."""
    names = tuple(map(str, range(len(part[1]))))
    return data.make_batches(data.Split(*part, names), **settings)


def fitted(backbone, way, seed, splits):
    """Returns a tuned model, and the processor's seconds of its `fit`."""
    side = _cells.SIDES[backbone]
    keras.utils.set_random_seed(seed)
    model, _ = _cells.build(backbone, side, 10, 1e-3)
    train = batches(
        splits[0],
        batch_size=32,
        shuffle_seed=seed,
        augment=augmentation(way, side, seed),
    )
    freezing = aet_keras.callbacks.ElasticFreezing(
        cache="auto" if way in ("plain", "robust") else None,
        views=ROBUST_VIEWS if way == "robust" else 1,
    )
    begun = _machine.now()
    run = aet_keras.fine_tune(
        model,
        train,
        validation_data=batches(splits[1], batch_size=128),
        epochs=EPOCHS[backbone],
        freezing=freezing,
        verbose=0,
        shuffle=False,
    )
    return run.model, float((_machine.now() - begun)[1])


def commanded(way, seed, splits):
    """Returns the model that `aet-keras fit` trains, and seconds likewise."""
    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "images.npz"
        names = ("train", "validation", "test")
        pairs = zip(names, splits, strict=True)
        arrays = {
            f"{of}_{name}": each
            for name, split in pairs
            for of, each in zip("xy", split, strict=True)
        }
        np.savez(path, **arrays)
        recipe = Recipe(
            str(path), augment="none" if way == "plain" else way, seed=seed
        )
        dataset = image_job.read_dataset(recipe)
    begun = _machine.now()
    model = image_job.build_classifier(recipe, 10)
    best = image_job.JOB.best(recipe, dataset)
    run = image_job.fit_recipe(model, recipe, dataset, best=best)
    return run.model, float((_machine.now() - begun)[1])


def measure(backbone, way, seed, parts, attacked):
    """Runs one way in this process, and yields figures of each split."""
    side = _cells.SIDES["embedded" if backbone == "command" else backbone]
    splits = _cells.load(DATA, side, 0)
    if backbone == "command":
        model, seconds = commanded(way, seed, splits)
    else:
        model, seconds = fitted(backbone, way, seed, splits)
    for part in parts:
        images, labels = splits[1 if part == "validation" else 2]
        found = measure_robustness(model, images, labels)
        rows = np.random.default_rng(0).permutation(len(labels))[:attacked]
        attacks = ()
        if attacked:
            attacks = measure_attacks(model, images[rows], labels[rows]).rows
        kinds = {e.name: float(np.mean(e.accuracies)) for e in found.corrupted}
        others = [v for k, v in kinds.items() if k not in SEEN["robust"]]
        yield {
            "backbone": backbone,
            "way": way,
            "seed": seed,
            "split": part,
            "clean": found.clean,
            "kinds": kinds,
            "seen": float(np.mean([kinds[e] for e in SEEN["robust"]])),
            "unseen": float(np.mean(others)),
            **{e.name: e.accuracies for e in attacks},
            "seconds": seconds,
        }


def text(runs):
    """Returns the means of some runs as a line of a table."""

    def mean(name):
        return np.mean([each[name] for each in runs], axis=0)

    attacked = "".join(
        f"   {name} " + " ".join(f"{each:.3f}" for each in mean(name))
        for name in ("FGSM", "PGD")
        if all(name in each for each in runs)
    )
    return (
        f"{mean('clean'):.3f}  {mean('seen'):.3f}  {mean('unseen'):.3f}  "
        f"{mean('seconds'):6.0f}{attacked}"
    )


def table(runs, backbone, shows_kinds):
    """Prints each way's means, and its gain beside `plain`, seed by seed."""
    runs = [each for each in runs if each["backbone"] == backbone]
    if not runs:
        return
    print(f"\n{backbone}: clean, seen, unseen, seconds, attacks at 1 2 4")
    plain = {e["seed"]: e for e in runs if e["way"] == "plain"}
    for way in dict.fromkeys(each["way"] for each in runs):
        own = [each for each in runs if each["way"] == way]
        print(f"{way:<8} {text(own)}   seeds {[e['seed'] for e in own]}")
        if shows_kinds:
            means = {
                k: np.mean([e["kinds"][k] for e in own])
                for k in own[0]["kinds"]
            }
            print(" " * 8, {k: round(float(v), 3) for k, v in means.items()})
        for each in own if way != "plain" else ():
            if each["seed"] in plain:
                peer = plain[each["seed"]]
                gains = (
                    f"{name} {each[name] - peer[name]:+.3f}"
                    for name in ("clean", "seen", "unseen")
                )
                print(f"         seed {each['seed']}: {', '.join(gains)}")


def main():
    """Runs what the file has not, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", type=pathlib.Path, required=True)
    parser.add_argument("--backbones", nargs="+", default=[*EPOCHS])
    parser.add_argument(
        "--ways", nargs="+", default=["plain", "robust", "keras"]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--attacked", type=int, default=0)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        backbone, way, seed, split = options.one
        parts = split.split("+")
        for found in measure(backbone, way, int(seed), parts, options.attacked):
            with options.file.open("a") as lines:
                lines.write(json.dumps(found) + "\n")
        return
    print(_machine.describe())
    split = "validation" if options.validation else "test"
    for run in itertools.product(
        options.backbones, options.seeds, options.ways
    ):
        backbone, seed, way = run
        known = {
            (e["backbone"], e["seed"], e["way"])
            for e in read(options.file, split)
            if "PGD" in e or not options.attacked
        }
        if run not in known:
            parts = "validation+test" if options.validation else "test"
            one = ["--one", backbone, way, str(seed), parts]
            command = [sys.executable, __file__, "--file", str(options.file)]
            command += ["--attacked", str(options.attacked)]
            subprocess.run([*command, *one], check=True)
    for backbone in options.backbones:
        table(read(options.file, split), backbone, options.kinds)


def read(path, split):
    """Returns the runs that a file has of a split, the latest of each."""
    lines = path.read_text().splitlines() if path.exists() else []
    runs = [json.loads(line) for line in lines]
    latest = {
        (e["backbone"], e["seed"], e["way"]): e
        for e in runs
        if e["split"] == split
    }
    return list(latest.values())


if __name__ == "__main__":
    main()
