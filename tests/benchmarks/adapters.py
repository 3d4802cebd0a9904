"""How small does a model become, and does it still say the same?

Claims, for LiteRT files of tuned classifiers of images (64 pixels):

- with int8 kernels a file has at most a third of the bytes, and gives the same
  class as Keras for at least 98.5 % of test images;
- its test accuracy is not more than half a point lower.

    python tests/benchmarks/adapters.py [--data clothing10 signs] \\
        [--backbone mobilenet] [--seeds 0] [--models FOLDER]

The models are those of `_shifts.py`, tuned once and kept in `--models`.
Milliseconds are the median of 32 single images in the interpreter that
TensorFlow has, and say more beside each other than alone.
"""

import argparse
import json
import pathlib
import tempfile

import _cells
import _machine
import _shifts
import numpy as np

from aet_keras.export import conversion, convert


def measure(data, backbone, seed, models):
    """Returns a line for each kind of weights."""
    model, splits = _shifts.source(data, backbone, seed, models)
    images, labels = splits[2]
    for weights in ("float32", "float16", "int8"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.tflite"
            compared = convert(
                model,
                path,
                format="litert",
                weights=weights,
                images=images,
                agreement=0.01,  # a model that is refused has figures too
            )
            taken = images.astype(model.inputs[0].dtype)
            (said,) = conversion.run_litert(path, taken)
            answers = said.argmax(-1)
            yield {
                "data": data,
                "backbone": backbone,
                "seed": seed,
                "weights": weights,
                "megabytes": round(path.stat().st_size / 1e6, 2),
                "agreement": round(getattr(compared, "agreement", 1.0), 4),
                "accuracy": round(float(np.mean(answers == labels)), 4),
                "milliseconds": getattr(compared, "milliseconds", None),
            }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=["clothing10", "signs"])
    parser.add_argument(
        "--backbone", default="mobilenet", choices=list(_cells.BACKBONES)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", default="/tmp/aet-shifts")
    args = parser.parse_args()
    print(_machine.describe())
    for data in args.data:
        for seed in args.seeds:
            for line in measure(data, args.backbone, seed, args.models):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
