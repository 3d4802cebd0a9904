import keras
import numpy as np
import pytest
from keras import layers

from aet_keras._keras.fixed import is_fixed


def built(layer, shape=(2, 4, 4, 3)):
    layer(np.ones(shape, "float32"))
    return layer


def attention(dropout):
    layer = layers.MultiHeadAttention(1, 1, dropout=dropout, trainable=False)
    layer(np.ones((1, 2, 3)), np.ones((1, 2, 3)))
    return layer


class Measured(layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = keras.metrics.Mean()


FIXED = {
    "dense": lambda: built(layers.Dense(2, trainable=False)),
    "normalization": lambda: built(layers.BatchNormalization(trainable=False)),
    "no weights": layers.ReLU,
    "rescaling": lambda: layers.Rescaling(2.0),
    "dropout of nothing": lambda: layers.Dropout(0.0),
    "attention": lambda: attention(0.0),
    "an operation": lambda: keras.ops.add,
    "recurrent": lambda: layers.RNN(
        layers.StackedRNNCells([]), trainable=False
    ),
}
MOVING = {
    "dense": lambda: built(layers.Dense(2)),
    "normalization": lambda: built(layers.BatchNormalization()),
    "normalization without weights": lambda: built(
        layers.BatchNormalization(center=False, scale=False)
    ),
    "normalization inside a frozen one": lambda: _holding_normalization(),
    "a penalty on what it puts out": lambda: layers.Dense(
        2, activity_regularizer="l2", trainable=False
    ),
    "a metric": Measured,
    "a state between batches": lambda: layers.LSTM(
        2, stateful=True, trainable=False
    ),
    "weights of its own": lambda: layers.SpectralNormalization(
        layers.Dense(2), trainable=False
    ),
}
RANDOM = {
    "dropout": lambda: layers.Dropout(0.1),
    "spatial": lambda: layers.SpatialDropout2D(0.1),
    "alpha": lambda: layers.AlphaDropout(0.1),
    "noise": lambda: layers.GaussianNoise(0.1),
    "gaussian": lambda: layers.GaussianDropout(0.1),
    "flip": layers.RandomFlip,
    "brightness": lambda: layers.RandomBrightness(0.1),
    "crop": lambda: layers.RandomCrop(2, 2),
    "augment": layers.RandAugment,
    "mix": layers.AugMix,
    "mix up": layers.MixUp,
    "cut mix": layers.CutMix,
    "erasing": layers.RandomErasing,
    "pipeline": lambda: layers.Pipeline([layers.RandomFlip()]),
    "nested": lambda: keras.Sequential([layers.Dropout(0.1)]),
    "each step": lambda: layers.TimeDistributed(layers.Dropout(0.1)),
    "attention": lambda: attention(0.1),
    "recurrent": lambda: layers.Bidirectional(
        layers.LSTM(2, dropout=0.1), trainable=False
    ),
}


def _holding_normalization():
    inside = layers.BatchNormalization()
    model = keras.Sequential([keras.Input((3,)), inside])
    model.trainable = False
    inside.trainable = True
    return model


@pytest.mark.parametrize("kind", FIXED)
def test_what_cannot_change_is_fixed(kind):
    assert is_fixed(FIXED[kind]())


@pytest.mark.parametrize("kind", MOVING)
def test_what_moves_or_keeps_count_is_not_fixed(kind):
    assert not is_fixed(MOVING[kind]())


@pytest.mark.parametrize("kind", RANDOM)
def test_what_draws_at_random_is_not_fixed(kind):
    assert not is_fixed(RANDOM[kind]())


def test_freezing_makes_a_layer_fixed():
    layer = built(layers.Dense(2))

    layer.trainable = False

    assert is_fixed(layer)
