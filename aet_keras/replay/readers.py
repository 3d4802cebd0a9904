"""Chooses what records and reads each split of a `fit`."""

from aet_keras._keras import agreement, steps
from aet_keras._keras.iterators import Postponed
from aet_keras._keras.own_rows import OwnRows
from aet_keras._keras.proofs import Proof, Unproved
from aet_keras._keras.split_graph import SplitGraph
from aet_keras.replay.augmented_passes import AugmentedPasses
from aet_keras.replay.feature_reuse import FeatureReuse
from aet_keras.replay.pass_reader import PassReader
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.row_lookup import RowLookup
from aet_keras.replay.worker_reader import WorkerReader


def make_recorders(
    graph: SplitGraph, cache, store, *, views: int = 1
) -> tuple[Recorder, Recorder]:
    """Returns the recorders of training and of validation.

    Args:
        graph: `SplitGraph` of the model.
        cache: `replay.FeatureCache`.
        store: optional `replay.feature_store.FeatureStore`.
        views: int >= 1. How many passes of training are recorded.
    """
    peers: list[FeatureReuse] = []
    # Beside the rounding of features, that of folding is nothing.
    lowers = steps.LowerFunctions(
        graph, is_folded=cache.dtype != "float32", may_draw=views > 1
    )
    train, test = (
        Recorder(
            graph,
            cache,
            make_step,
            training=is_training,
            reuse=store and FeatureReuse(store, graph, peers),
            lowers=lowers,
        )
        for make_step, is_training in (
            (steps.train_function, True),
            (steps.evaluate_function, False),
        )
    )
    return train, test


def reader_of_training(model, recorder: Recorder, epoch_iterator, views: int):
    """Returns what reads training, and a sentence or `None`.

    Args:
        model: the model that trains.
        recorder: `Recorder` of training.
        epoch_iterator: what `fit` draws its steps from.
        views: int >= 1. How many passes of training to record.

    Raises:
        Unproved: if rows cannot be divided among several workers.
    """
    proof = Proof.of(epoch_iterator)
    if agreement.worker_count(model.distribute_strategy) > 1:
        if views > 1:
            raise Unproved("several views are recorded by one process alone")
        return _reader_of_worker(model, recorder, epoch_iterator, proof), None
    if views > 1:
        return AugmentedPasses(recorder, views), None
    if proof.reason is None:
        return PassReader(recorder), None
    sentence = f"looks rows up in each epoch: {proof.reason}"
    return RowLookup(recorder, proof.pass_count), sentence


def reader_of_validation(model, recorder: Recorder, epoch_iterator):
    """Returns what reads validation, and a sentence or `None`.

    Args:
        model: the model that trains.
        recorder: `Recorder` of validation.
        epoch_iterator: what `fit` draws the steps of its validation from.

    Raises:
        Unproved: if rows cannot be divided among several workers.
    """
    proof = Proof.of(epoch_iterator)
    if agreement.worker_count(model.distribute_strategy) > 1:
        return _reader_of_worker(model, recorder, epoch_iterator, proof), None
    if proof.reason is None and proof.is_in_order:
        return PassReader(recorder), None
    why = proof.reason or "their order changes"
    sentence = f"looks rows of validation up in each epoch: {why}"
    return RowLookup(recorder, proof.pass_count), sentence


def postpone(reader, is_on: bool) -> None:
    """Makes `fit` create the iterators of a split only if they are read.

    Args:
        reader: what reads the split; None if that is not known yet.
        is_on: bool. Whether its steps run on `reader`, and not plainly.
    """
    if reader is not None and reader.postponed is not None:
        reader.postponed.is_on = is_on


def _reader_of_worker(model, recorder, epoch_iterator, proof):
    strategy = model.distribute_strategy
    rows = OwnRows.of(
        epoch_iterator,
        proof,
        index=agreement.worker_index(strategy),
        worker_count=agreement.worker_count(strategy),
    )
    return WorkerReader(
        recorder,
        rows,
        model,
        is_in_order=proof.is_in_order,
        postponed=Postponed(epoch_iterator),
    )
