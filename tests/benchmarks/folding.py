"""What does folding BatchNormalization into convolutions gain, and change?

Claims, for every family of `keras.applications` below:

- the folded network is at most twice as far from float64 as it is unfolded
  (float16, to which recorded features are rounded, is 5e-4 away);
- it takes no more seconds of the processor.

    python tests/benchmarks/folding.py [--side 96] [--families MobileNetV2 ...]

Weights are random unless `--weights` names a file for the one family. The
statistics are then those of the images in training mode, so that activations
are as large as in a network that was trained. Errors are shares of the largest
activation, unfolded and folded. Seconds are the best of six calls of a batch,
all threads together; `first` is the first call, with its trace.
"""

import argparse
import time

import _machine
import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import folding, normalization, split_graph, steps

FAMILIES = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
)


def build(family, side, images, weights):
    """Returns a frozen network with the statistics of its images."""
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, family)
    model = make(weights=None, include_top=False, input_shape=(side, side, 3))
    layers = normalization.normalizations(model)
    if weights:
        model.load_weights(weights)
    elif layers:
        normalization.reestimate(model, layers, images, len(images))
    model.trainable = False
    return model


def compute_exactly(family, model, images):
    """Returns what a network puts out in float64."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        make = getattr(keras.applications, family)
        shape = model.input_shape[1:]
        exact = make(weights=None, include_top=False, input_shape=shape)
    finally:
        keras.config.set_dtype_policy(policy)
    exact.set_weights(model.get_weights())
    return exact(images.astype("float64"), training=False).numpy()


def measure(graph, images, *, is_folded):
    """Returns what the whole network puts out, and seconds of its calls."""
    boundary = graph.split_below(lambda layer: True)
    asked = boundary.recording(boundary.keys)
    signature = steps.Signature(images)
    lowers = steps.LowerFunctions(graph, is_folded=is_folded)
    compute = lowers.find(asked, signature, training=False)
    seconds = []
    for _ in range(7):
        begun = time.process_time()
        (outputs,) = compute(images)
        seconds.append(time.process_time() - begun)
    return outputs.numpy(), seconds[0], min(seconds[1:])


def main():
    """Prints a line a family."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--families", nargs="+", default=FAMILIES)
    parser.add_argument("--weights", help="a .weights.h5 of the one family")
    args = parser.parse_args()
    print(_machine.describe())
    random = np.random.default_rng(0)
    shape = (args.batch, args.side, args.side, 3)
    images = tf.constant(random.uniform(0, 255, shape).astype("float32"))
    for family in args.families:
        model = build(family, args.side, images.numpy(), args.weights)
        exact = compute_exactly(family, model, images.numpy())
        graph = split_graph.SplitGraph(model)
        plain, first, seconds = measure(graph, images, is_folded=False)
        found, own_first, own_seconds = measure(graph, images, is_folded=True)
        count = len(folding.find_folds(graph.steps, set(graph.outputs)))
        every = len(normalization.normalizations(graph.model))
        errors = [
            np.abs(each - exact).max() / np.abs(exact).max()
            for each in (plain, found)
        ]
        scale = 1e3 / args.batch
        print(
            f"{family:18} {count:3} of {every:3} folded  "
            f"error {errors[0]:.1e} -> {errors[1]:.1e}  "
            f"ms an image {seconds * scale:.2f} -> {own_seconds * scale:.2f}  "
            f"first {first:.1f} -> {own_first:.1f} s",
            flush=True,
        )
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
