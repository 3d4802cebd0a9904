"""What does each way of adapting MobileNetV2 to photos look like?

A row is a function of `(data, epochs, watch)` that returns the model and what
its callbacks did.
"""

import functools

import _cells
import _machine
import keras

import aet_keras
from aet_keras import callbacks, policies

PHOTOS = _machine.DATA / "clothing10_128px_jpeg.npz"


def photos(seed):
    """Seeds everything; returns batches to train and to validate on, a test.

    The test is the batches of the test split, and their labels.
    """
    dataset = aet_keras.data.read_images(str(PHOTOS), image_size=(96, 96))
    keras.utils.set_random_seed(seed)
    batches = aet_keras.data.make_batches
    train = batches(dataset.train, batch_size=32, shuffle_seed=seed)
    validation, test = (
        batches(split, batch_size=128)
        for split in (dataset.validation, dataset.test)
    )
    return train, validation, (test, dataset.test.labels)


def build(learning_rate, backbone_training=None):
    """Returns the compiled model of Keras's guide, and its backbone."""
    return _cells.build("mobilenet", 96, 10, learning_rate, backbone_training)


def fit(model, data, epochs, *watchers):
    """Fits without printing."""
    train, validation = data
    model.fit(
        train,
        validation_data=validation,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=list(watchers),
    )


def in_two_fits(
    data,
    epochs,
    watch,
    *,
    head_epochs,
    rates,
    fixes_bn,
    backbone_training,
    build=build,
    fit=fit,
):
    """Trains the head, then everything, as users write it by hand."""
    model, base = build(rates[0], backbone_training)
    base.trainable = False
    _cells.compile_model(model, rates[0])
    if head_epochs:
        fit(model, data, head_epochs, watch)
    base.trainable = True
    for layer in base.layers if fixes_bn else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    _cells.compile_model(model, rates[1])
    fit(model, data, epochs - head_epochs, watch)
    return model, []


def guide(data, epochs, watch):
    """Keras's guide: `training=False` is meant to keep BatchNormalization."""
    return in_two_fits(
        data,
        epochs,
        watch,
        head_epochs=max(1, epochs // 3),
        rates=(1e-3, 1e-5),
        fixes_bn=False,
        backbone_training=False,
    )


def by_policy(
    data, epochs, watch, *, learning_rate, policy, build=build, fit=fit
):
    """A peer's rule in one `fit`, without cache and without our rate."""
    model, _ = build(learning_rate)
    freezing = callbacks.ElasticFreezing(
        policy(), cache=None, solve_head=False, every_steps=1
    )
    fit(model, data, epochs, freezing, watch)
    return model, [f"{epoch}: {change}" for epoch, change in freezing.events]


def ours(
    data, epochs, watch, *, freezing=None, average=True, build=build, fit=fit
):
    """Our callbacks, at their defaults if no policy is given."""
    model, _ = build(1e-3)
    first = [callbacks.AverageWeights()] if average else []
    freezing = callbacks.ElasticFreezing(freezing)
    rate = callbacks.AdaptiveLearningRate()
    fit(model, data, epochs, *first, freezing, rate, watch)
    events = [*freezing.events, *freezing.cache_events]
    return model, [f"{epoch}: {what}" for epoch, what in events]


def ours_stopped(data, epochs, watch):
    """`fine_tune`, which stops early."""
    model, _ = build(1e-3)
    train, validation = data
    run = aet_keras.fine_tune(
        model,
        train,
        validation_data=validation,
        epochs=epochs,
        callbacks=[watch],
        verbose=0,
        shuffle=False,
    )
    events = [*run.events, *run.cache_events]
    return model, [f"{epoch}: {what}" for epoch, what in events]


_lp_ft = functools.partial(
    in_two_fits, rates=(1e-3, 1e-4), fixes_bn=True, backbone_training=None
)

# Rates are those of the authors.
PEERS = {
    "layer_wise": {
        "learning_rate": 1e-3,
        "policy": lambda: policies.ThawAll(0.3, depth_ratio=0.65),
    },
    "auto_rgn": {
        "learning_rate": 3e-4,
        "policy": policies.AttendToGradients,
    },
    "autofreeze": {
        "learning_rate": 1e-4,
        "policy": lambda: policies.FreezeSettled(
            None, patience_intervals=1, thaw_ratio=None
        ),
    },
}
ROWS = {
    "guide": guide,
    "full": functools.partial(_lp_ft, head_epochs=0),
    "lp_ft": functools.partial(_lp_ft, head_epochs=2),
    "fastai": functools.partial(
        by_policy, learning_rate=2e-3, policy=policies.ThawBetweenCycles
    ),
    "gradual": functools.partial(
        by_policy,
        learning_rate=1e-3,
        policy=lambda: policies.ThawOnSchedule(depth_ratio=1 / 2.6),
    ),
    **{
        name: functools.partial(by_policy, **peer)
        for name, peer in PEERS.items()
    },
    "ours": ours,
    "ours_stopped": ours_stopped,
}
