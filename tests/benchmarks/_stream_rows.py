"""What models make of many rows, as they are and shifted by 10 points.

A pool is kept in a file, so that streams drawn from it cost milliseconds.
"""

import functools
import gzip
import pathlib

import _cells
import _shifts
import keras
import numpy as np

from aet_keras.drift.model_outputs import ModelOutputs, OutputReader

COST = 0.10  # of accuracy
POOL_COUNT = 6000
_TRIED, _STEPS = 600, 6


def _graded(name, key, of_strength):
    """Returns a function of a strength from 0 to 1 that returns a shift."""
    shift = _shifts.SHIFTS[name]

    def at(strength):
        setting = {key: of_strength(strength)}
        if "change" not in shift.keywords:
            return functools.partial(shift, **setting)
        change = functools.partial(shift.keywords["change"], **setting)
        return functools.partial(shift, change=change)

    return at


GRADED = {
    "noise": _graded("noise5", "scale", lambda s: 0.6 * s),
    "blur": _graded("blur5", "radius", lambda s: 5 * s),
    "dim": _graded("dim5", "contrast", lambda s: 1 - 0.98 * s),
    "cast": _graded("cast5", "gains", lambda s: tuple(np.exp([s, -s, -4 * s]))),
    "jpeg": _graded("jpeg5", "quality", lambda s: round(1 + 80 * (1 - s) ** 3)),
    "pixelate": _graded("pixelate5", "ratio", lambda s: 1 - 0.95 * s),
    "rotate": _graded("rotate35", "degrees", lambda s: 120 * s),
}


def read(data, backbone, seed, folder, count=POOL_COUNT):
    """Returns `ModelOutputs` of training rows, and those of a pool by shift.

    No row of the pool was learned. Each shift but `"clean"` is as strong as
    costs 10 points of accuracy, found by halving on 600 rows.
    """
    path = pathlib.Path(folder) / f"{data}-{backbone}-{seed}-{count}.npz"
    if not path.exists():
        keras.utils.set_random_seed(seed)
        model, splits = _shifts.source(data, backbone, seed, folder)
        images, labels = unlearned(data, splits, seed, count)
        made = _pools(model, images, labels, np.random.default_rng(seed))
        train = OutputReader(model).read(splits[0][0], most_rows=1000)
        _write(path, {"train": train, **made})
    pools = _read(path)
    return pools.pop("train"), pools


def unlearned(data, splits, seed, count):
    """Returns rows that a model of `_shifts.source` was not trained on."""
    parts = list(splits[1:])
    if data in _REST:
        images, labels = _REST[data]()
        parts.append((_cells.resized(images, _shifts.SIDE), labels))
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    rows = np.random.default_rng(seed).permutation(len(labels))[:count]
    return images[rows], labels[rows]


def _fashion_rest():
    """Returns the test images that `_cells.load` leaves out."""

    def array(name, offset):
        raw = gzip.decompress((_cells.FASHION / f"{name}.gz").read_bytes())
        return np.frombuffer(raw, "uint8", offset=offset)

    images = array("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
    labels = array("t10k-labels-idx1-ubyte", 8).astype("int64")
    return np.repeat(images[2000:], 3, axis=-1), labels[2000:]


def _cifar10_rest():
    """Returns the training images that `_cells.load` leaves out."""
    whole = _cells.from_archive("cifar10_32px_jpeg.npz", 32, 0)[0]
    rows = np.random.default_rng(0).permutation(len(whole[1]))[4000:]
    return whole[0][rows], whole[1][rows]


_REST = {"fashion": _fashion_rest, "cifar10": _cifar10_rest}


def _pools(model, images, labels, random):
    reader = OutputReader(model)

    def accuracy(change):
        some = reader.read(change(images[:_TRIED], random))
        right = some.probabilities.argmax(axis=1) == labels[:_TRIED]
        return right.mean()

    pools = {"clean": reader.read((images, labels))}
    wanted = accuracy(lambda rows, _: rows) - COST
    for name, at in GRADED.items():
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            weak = accuracy(at(middle)) > wanted
            low, high = (middle, high) if weak else (low, middle)
        pools[name] = reader.read((at(high)(images, random), labels))
        right = pools[name].probabilities.argmax(axis=1) == labels
        print(f"  {name} {high:.3f}: accuracy {right.mean():.3f}", flush=True)
    return pools


def _write(path, pools):
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for name, outputs in pools.items():
        arrays[f"{name}/features"] = outputs.features.astype("float16")
        arrays[f"{name}/probabilities"] = outputs.probabilities
        if outputs.labels is not None:
            arrays[f"{name}/labels"] = outputs.labels
    np.savez(path, **arrays)


def _read(path):
    found = {}
    with np.load(path) as arrays:
        for name in dict.fromkeys(key.partition("/")[0] for key in arrays):
            found[name] = ModelOutputs(
                arrays[f"{name}/features"].astype("float32"),
                arrays[f"{name}/probabilities"],
                arrays.get(f"{name}/labels"),
            )
    return found
