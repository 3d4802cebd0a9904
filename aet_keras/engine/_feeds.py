"""From which passes do the training and the validation of a `fit` replay?"""

from aet_keras._keras import steps
from aet_keras._keras.halves import Halves
from aet_keras.engine._feed import Feed
from aet_keras.engine._shelf import Shelf
from aet_keras.engine._side import Side
from aet_keras.engine._views import Views


def make_feeds(halves: Halves, cache, store, views: int):
    """Returns what feeds training, and what feeds validation.

    Args:
        halves: `Halves` of the model.
        cache: `backbones.FeatureCache`.
        store: optional `backbones.FeatureStore`.
        views: int >= 1. How many passes of training to record.
    """
    shelves: list[Shelf] = []
    train, test = (
        Side(
            halves,
            cache,
            make_step,
            training=is_training,
            shelf=store and Shelf(store, halves, shelves),
        )
        for make_step, is_training in (
            (steps.train_function, True),
            (steps.evaluate_function, False),
        )
    )
    feed = Feed(train, shuffles=True) if views == 1 else Views(train, views)
    return feed, Feed(test, shuffles=False)
