"""How well, and how fast, is a pretrained backbone adapted to photos?

Claim: `fit` with the two callbacks at their defaults reaches 0.85 test
accuracy or more on clothing10 (mean of 3 seeds), where the recipe of Keras's
own transfer-learning guide, given as many epochs, ends well below.

    python tests/benchmarks/transfer_images.py [--seeds 0 1 2] [--rows ...]

Data: clothing10 and the MobileNetV2 weights (ImageNet + 19 dog breeds) in the
folder that AET_DATA names. 96 pixels, batch 32, the same splits, epochs and
start for every row. Both rows are judged at their best validation epoch.
About 5 minutes a seed on 2 cores.
"""

import argparse
import json
import time

import _machine
import keras

import aet_keras

WEIGHTS = _machine.DATA / "mobilenetv2_imagenet_notop.weights.h5"
PHOTOS = _machine.DATA / "clothing10_128px_jpeg.npz"


def build(backbone_training):
    """Returns the model of the guide, and its backbone."""
    base = aet_keras.backbones.load_backbone(
        "MobileNetV2", weights=str(WEIGHTS), image_size=(96, 96)
    )
    pixels = keras.Input((96, 96, 3))
    x = aet_keras.backbones.preprocess("MobileNetV2", pixels)
    x = base(x, training=backbone_training)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(10, activation="softmax")(x)
    return keras.Model(pixels, x), base


def compile_model(model, learning_rate):
    """Compiles as the guide does."""
    model.compile(
        keras.optimizers.Adam(learning_rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


class Best(keras.callbacks.Callback):
    """Keeps the weights of the best validation accuracy over several fits."""

    def __init__(self):
        super().__init__()
        self.value, self.weights, self.history = -1.0, None, []

    def on_epoch_end(self, epoch, logs=None):
        self.history.append(round(logs["val_accuracy"], 4))
        if logs["val_accuracy"] > self.value:
            self.value = logs["val_accuracy"]
            self.weights = self.model.get_weights()


def guide(data, epochs, best):
    """Keras's guide: the head on a frozen base, then all at 1e-5.

    `training=False` is meant to keep BatchNormalization still.
    """
    model, base = build(backbone_training=False)
    base.trainable = False
    compile_model(model, 1e-3)
    head_epochs = max(1, epochs // 3)
    fit(model, data, head_epochs, best)
    base.trainable = True
    compile_model(model, 1e-5)
    fit(model, data, epochs - head_epochs, best)
    return model


def lp_ft(data, epochs, best):
    """LP-FT, BatchNormalization frozen: 2 head epochs, then all at 1e-4."""
    model, base = build(backbone_training=None)
    base.trainable = False
    compile_model(model, 1e-3)
    fit(model, data, 2, best)
    base.trainable = True
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    compile_model(model, 1e-4)
    fit(model, data, epochs - 2, best)
    return model


def ours(data, epochs, best):
    """The two callbacks at their defaults, in one `fit`."""
    model, _ = build(backbone_training=None)
    compile_model(model, 1e-3)
    freezing = aet_keras.callbacks.ElasticFreezing()
    rate = aet_keras.callbacks.AdaptiveLearningRate()
    fit(model, data, epochs, freezing, rate, best)
    for epoch, change in freezing.events:
        print(f"    after epoch {epoch}: {change}")
    return model


ROWS = {"guide": guide, "lp_ft": lp_ft, "ours": ours}


def fit(model, data, epochs, *callbacks):
    """Fits without printing."""
    train, validation = data
    model.fit(
        train,
        validation_data=validation,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=list(callbacks),
    )


def measure(row, dataset, seed, epochs):
    """Runs one row with one seed, and returns its figures."""
    keras.utils.set_random_seed(seed)
    batches = aet_keras.data.batches
    data = (
        batches(dataset.train, batch_size=32, shuffle_seed=seed),
        batches(dataset.validation, batch_size=128),
    )
    best, begun = Best(), time.perf_counter()
    model = ROWS[row](data, epochs, best)
    seconds = time.perf_counter() - begun
    model.set_weights(best.weights)
    test = batches(dataset.test, batch_size=128)
    scores = aet_keras.evaluation.measure_classification(
        dataset.test.labels,
        model.predict(test, verbose=0),
        class_names=dataset.specification.class_names,
    )
    return {
        "row": row,
        "seed": seed,
        "test_accuracy": scores.accuracy,
        "validation_accuracy": best.value,
        "seconds": seconds,
        "history": best.history,
    }


def main():
    """Prints a line a run, then a table, then JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    print(_machine.describe())
    dataset = aet_keras.data.read_images(str(PHOTOS), image_size=(96, 96))
    runs = []
    for seed in args.seeds:
        for row in args.rows:
            runs.append(measure(row, dataset, seed, args.epochs))
            print(json.dumps(runs[-1]), flush=True)
    for row in args.rows:
        of_row = [run for run in runs if run["row"] == row]
        for key in ("test_accuracy", "seconds"):
            figures = _machine.spread([run[key] for run in of_row])
            print(f"{row:>6} {key:>14}  {figures}")
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
