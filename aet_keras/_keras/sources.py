"""Says whether the order of the data of a `fit` can be brought back."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

_ARRAYS = "ArrayDataAdapter"
_DATASET = "TFDatasetAdapter"
_GENERATED = "they come from a generator"
_UNSEEDED = "they are shuffled or drawn at random without a seed"
_OWN_STATE = {  # operations of a `map` that write to what outlives an iterator
    "AssignAddVariableOp",
    "AssignSubVariableOp",
    "AssignVariableOp",
    "RngReadAndSkip",
    "RngSkip",
}


@dataclasses.dataclass(frozen=True)
class Source:
    """Describes what one split of a `fit` reads its batches from.

    Args:
        reason: str or None. Why its order cannot be brought back.
        signature: list. What it is made of, and the seeds of all that is
            random in it; equal for the same command.
        keeps_first_order: bool. Whether the first pass is random, and kept
            for the later ones.
        is_ordered: bool. Whether rows come in the same order in each process
            that is seeded alike.
        arrays: tuple of arrays. Those that the rows are in.
        row_count: int or None. How many rows these have.
    """

    reason: str | None
    signature: list
    keeps_first_order: bool
    is_ordered: bool = True
    arrays: tuple = ()
    row_count: int | None = None

    @classmethod
    def of(cls, epoch_iterator) -> "Source":
        """Looks at what `fit` draws its steps from."""
        kind = type(epoch_iterator.data_adapter).__name__
        if kind not in (_ARRAYS, _DATASET):
            return cls(_GENERATED, [kind], False, is_ordered=False)
        data = original_of(epoch_iterator)
        if not hasattr(data, "_inputs"):
            return cls("they are distributed by a strategy", [kind], False)
        parts = [_Part(each) for each in upstream(data)]
        arrays = _arrays_of(epoch_iterator.data_adapter, data)
        reasons = [part.reason for part in parts if part.reason]
        return cls(
            reason=reasons[0] if reasons else None,
            signature=[part.signature for part in parts],
            keeps_first_order=_caches_random(data),
            is_ordered=not {_GENERATED, _UNSEEDED} & set(reasons),
            arrays=arrays,
            row_count=len(arrays[0]) if arrays else None,
        )


def _arrays_of(adapter, data):
    """Lists the arrays that rows are slices of; none of other data."""
    given = getattr(adapter, "_inputs", None)
    if type(adapter).__name__ != _ARRAYS:
        sliced = [getattr(each, "_tensors", ()) for each in upstream(data)]
        given = sliced if len(list(filter(None, sliced))) == 1 else None
    arrays = [] if given is None else keras.tree.flatten(given)
    kept = [np.asarray(each) for each in arrays if each is not None]
    return tuple(kept) if all(each.ndim for each in kept) else ()


def is_shuffled(iterator) -> bool:
    """Says whether rows are asked for in a random order, new in each pass.

    Where the seed of all is set, it is the same order in each epoch.
    """
    data = dataset_of(iterator)
    return data is not None and any(map(_shuffles, upstream(data)))


def dataset_of(iterator):
    """Returns the data set that an iterator reads; None if it is not known.

    Under a strategy it ends with what shares its batches among replicas.
    """
    if isinstance(iterator, tf.distribute.DistributedIterator):
        iterator, *_ = iterator._iterators
    return getattr(iterator, "_dataset", None)


def original_of(epoch_iterator):
    """Returns the data set of a `fit` as it was before a strategy shared it."""
    data = epoch_iterator._distributed_dataset
    return getattr(data, "_original_dataset", data)


def _shuffles(data):
    if type(data).__name__ == "_ShuffleDataset":
        return data._reshuffle_each_iteration is not False
    graphs = [each.function.graph for each in data._functions()]
    kinds = {node.type for graph in graphs for node in graph.get_operations()}
    return "RandomShuffle" in kinds


def upstream(data) -> list:
    """Lists a data set and all it is made from."""
    found = [data]
    for each in data._inputs():
        found += upstream(each)
    return found


class _Part:
    """One transformation of a data set."""

    def __init__(self, data):
        nodes = _nodes(data)
        seeds = [
            (node.attr["seed"].i, node.attr["seed2"].i)
            for node in nodes
            if "seed" in node.attr and "seed2" in node.attr
        ]
        if hasattr(data, "_seed") and hasattr(data, "_seed2"):
            seeds.append((int(data._seed), int(data._seed2)))
        operations = {node.op for node in nodes}
        self.is_random = bool(seeds)
        self.signature = [type(data).__name__, *map(list, seeds)]
        self.reason = None
        if "GeneratorDataset" in operations:
            self.reason = _GENERATED
        elif operations & _OWN_STATE:
            self.reason = "a `map` in them draws from a state of its own"
        elif (0, 0) in seeds:
            self.reason = _UNSEEDED


def _nodes(data):
    """Lists the operations of a data set's function, inner functions too."""
    functions = data._functions()
    found = []
    for function in functions:
        graph = function.function.graph.as_graph_def()
        found += graph.node
        for inner in graph.library.function:
            found += inner.node_def
    return found


def _caches_random(data):
    return any(
        type(each).__name__ == "CacheDataset"
        and any(_Part(below).is_random for below in upstream(each))
        for each in upstream(data)
    )
