"""Padded rows, and small models that pool them."""

import keras
import numpy as np

from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawOnSchedule

COUNT, WIDTH = 96, 32
PADDING_EVENT = "replays rows of like length together, without their padding"


def row_lengths(most=20):
    return np.random.default_rng(0).integers(1, most + 1, COUNT)


def padded_rows(most=20, start=0):
    """Returns padded rows of words, and labels; the padding is no zero."""
    random = np.random.default_rng(1)
    words = random.integers(0, 20, (COUNT, WIDTH)).astype("int32")
    place = np.arange(WIDTH)
    mask = (place >= start) & (place < start + row_lengths(most)[:, None])
    x = {"token_ids": words, "padding_mask": mask.astype("int32")}
    return x, (np.arange(COUNT) % 3).astype("int32")


class WidthRecorder(keras.layers.Layer):
    """Notes how many positions it was given."""

    def __init__(self):
        super().__init__(name="seen")
        self.widths = []

    def call(self, x):
        self.widths.append(x.shape[1])
        return x


def masked_mean(x, mask):
    return keras.layers.GlobalAveragePooling1D()(x, mask=mask)


def pooling_model(pool, run_eagerly=True, rate=0.1, loss=None, width=WIDTH):
    """Returns a compiled model that pools words, and what its middle saw."""
    keras.utils.set_random_seed(0)
    tokens, mask = (
        keras.Input((width,), dtype="int32", name=name)
        for name in ("token_ids", "padding_mask")
    )
    x = keras.layers.Embedding(20, 4, name="a")(tokens)
    seen = WidthRecorder()
    x = seen(keras.layers.Dense(4, "tanh", name="b")(x))
    x = keras.layers.Dense(3, "softmax", name="scores")(pool(x, mask))
    made = keras.Model({"token_ids": tokens, "padding_mask": mask}, x)
    made.compile(
        keras.optimizers.SGD(rate),
        loss or "sparse_categorical_crossentropy",
        run_eagerly=run_eagerly,
    )
    return made, seen


def train_pooling_model(
    pool,
    *,
    cache="memory",
    limit=None,
    data=None,
    also=(),
    run_eagerly=True,
    rate=0.1,
    loss=None,
    width=WIDTH,
    **fit,
):
    """Trains for three epochs, all but `a` from the first on."""
    made, seen = pooling_model(pool, run_eagerly, rate, loss, width)
    freezing = ElasticFreezing(
        ThawOnSchedule(first_epoch=0, every_epochs=99, rate_ratio=1.0),
        groups=(["a"], ["b", "seen"]),
        cache=cache,
        cache_dtype="float32",
        cache_limit_bytes=limit,
        warmup_steps=0,
    )
    x, y = data or padded_rows()
    made.fit(
        x,
        y,
        **{"batch_size": 8, "epochs": 3, "verbose": 0, **fit},
        callbacks=[freezing, *also],
    )
    said = [sentence for _, sentence in freezing.cache_events]
    return made, seen, said
