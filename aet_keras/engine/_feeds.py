"""From which passes do the training and the validation of a `fit` replay?"""

from aet_keras._keras import steps
from aet_keras._keras.halves import Halves
from aet_keras._keras.proofs import Proof
from aet_keras.engine._feed import Feed
from aet_keras.engine._lookup import Lookup
from aet_keras.engine._shelf import Shelf
from aet_keras.engine._side import Side
from aet_keras.engine._views import Views


def make_sides(halves: Halves, cache, store) -> tuple[Side, Side]:
    """Returns the sides of training and of validation.

    Args:
        halves: `Halves` of the model.
        cache: `backbones.FeatureCache`.
        store: optional `backbones.FeatureStore`.
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
    return train, test


def feed_of_training(side: Side, proof: Proof, views: int):
    """Returns what feeds training, and a sentence or `None`.

    Args:
        side: `Side` of training.
        proof: `Proof` of what `fit` reads.
        views: int >= 1. How many passes of training to record.
    """
    if views > 1:
        return Views(side, views), None
    if proof.reason is None:
        return Feed(side), None
    said = f"looks rows up in each epoch: {proof.reason}"
    return Lookup(side, proof.pass_count), said


def feed_of_validation(side: Side, proof: Proof):
    """Returns what feeds validation, and a sentence or `None`."""
    if proof.reason is None and proof.is_in_order:
        return Feed(side), None
    why = proof.reason or "their order changes"
    said = f"looks rows of validation up in each epoch: {why}"
    return Lookup(side, proof.pass_count), said
