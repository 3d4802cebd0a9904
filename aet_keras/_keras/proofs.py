"""Proves that a data set gives the same rows in each epoch.

Proved from what the data set is made of, never from a look at some rows: each
part has to be one of those that are listed here.
"""

import dataclasses
import math
import re

import tensorflow as tf
from keras.src.trainers.data_adapters import (
    array_data_adapter,
    tf_dataset_adapter,
)
from tensorflow.python.framework import op_def_registry

from aet_keras._keras.sources import original_of

_MODULES = "tensorflow.python.data.ops."
# The same rows in the same order; in any order; in any order and batch.
_FIXED, _SHUFFLED, _MIXED = range(3)
# They have a state, or call functions that are looked at for themselves.
_HARMLESS = {
    "Assert",
    "Case",
    "If",
    "PartitionedCall",
    "PrintV2",
    "StatefulPartitionedCall",
    "StatelessCase",
    "StatelessIf",
    "StatelessWhile",
    "While",
}
# What they give of a row depends on no other row; the second kind only where
# all but one of what they are given are single numbers.
_BY_ROW = {"Cast", "Const", "Identity", "NoOp", "Placeholder"}
_WITH_NUMBERS = {"Add", "AddV2", "Maximum", "Minimum", "Mul", "RealDiv", "Sub"}
_WHOLE_BATCHES = "`shuffle` moves whole batches, whose rows stay together"
_PROMISE = "_aet_maps_by_row"
# TensorFlow calls these stateless: files and Python code may change.
_CHANGING = ("File", "PyFunc", "Reader", "HostCall", "Dataset", "CustomCall")


@dataclasses.dataclass(frozen=True)
class Proof:
    """Says what is known of the rows that a split of a `fit` reads.

    Args:
        reason: str or None. Why it is not proved that each epoch has the same
            rows.
        is_in_order: bool. Whether they come in the same order, too.
        pass_count: int or None. After how many batches the data set begins
            again, if that is known.
    """

    reason: str | None
    is_in_order: bool = False
    pass_count: int | None = None

    @classmethod
    def of(cls, epoch_iterator) -> "Proof":
        """Looks at what `fit` draws its steps from; None if not known."""
        if epoch_iterator is None:
            return cls("it is not known where they come from")
        adapter = epoch_iterator.data_adapter
        count = adapter.num_batches
        try:
            order = _order_of_adapter(adapter, epoch_iterator)
        except Unproved as error:
            pass_count = count or _count_of_repeated(epoch_iterator)
            return cls(str(error), False, pass_count)
        steps = epoch_iterator.steps_per_epoch
        if steps and steps != count:
            pass_count = count or _count_of_repeated(epoch_iterator)
            why = "`steps_per_epoch` or `validation_steps` splits the data set"
            return cls(why, False, pass_count)
        return cls(None, order == _FIXED, count)


def promise_by_row(data: tf.data.Dataset) -> tf.data.Dataset:
    """Notes of a `map` of this package that a row depends on no other row.

    And on nothing else that may change: its function is not looked at. Only
    for functions of this package; those of users are proved or looked up.

    Args:
        data: what `map` has returned.

    Returns:
        The same.
    """
    setattr(data, _PROMISE, True)
    return data


def maps_by_row(data: tf.data.Dataset) -> bool:
    """Says whether a `map` of batches is known to treat each row by itself."""
    functions = [each.function for each in data._functions()]
    is_known = getattr(data, _PROMISE, False) or _weighs_classes(data)
    return is_known or all(map(_is_by_row, functions))


def _weighs_classes(data):
    """Says whether a `map` is the one that Keras adds for `class_weight`."""
    own = tf_dataset_adapter.make_class_weight_map_fn({0: 1.0})
    function = getattr(getattr(data, "_map_func", None), "_func", None)
    return getattr(function, "__code__", None) is own.__code__


class Unproved(Exception):
    """Says which part of a data set may give other rows."""


def _order_of_adapter(adapter, epoch_iterator):
    kind = type(adapter)
    if kind is array_data_adapter.ArrayDataAdapter:
        if adapter._shuffle == "batch":
            raise Unproved(_WHOLE_BATCHES)
        return _MIXED if adapter._shuffle else _FIXED
    if kind.__name__ != "TFDatasetAdapter":
        name = kind.__name__.removesuffix("Adapter")
        raise Unproved(f"a `{name}` may give other rows in each of them")
    data = original_of(epoch_iterator)
    if not hasattr(data, "_inputs"):
        raise Unproved("they are distributed by a strategy")
    if data.options().deterministic is False:
        raise Unproved("its options allow rows to come in any order")
    order = _order(data)
    if order == _SHUFFLED:  # what was shuffled is not put into batches after it
        raise Unproved(_WHOLE_BATCHES)
    return order


def _order(data):
    """Returns in which order a data set gives the same rows."""
    rule = _RULES.get(type(data).__name__)
    if rule is None or not type(data).__module__.startswith(_MODULES):
        name = type(data).__name__.strip("_").removesuffix("Dataset")
        raise Unproved(f"`{name}` may give other rows in each of them")
    return rule(data, [_order(each) for each in data._inputs()])


def _source(data, orders):
    tensors = getattr(data, "_tensors", [])
    if any(_may_change(tensor) for tensor in tensors):
        raise Unproved("they are no dense tensors in memory")
    return _FIXED


def _passed(data, orders):
    return orders[0]


def _cached(data, orders):
    if data._filename.numpy():
        raise Unproved("`cache` keeps them in a file, which may change")
    return orders[0]


def _shuffled(data, orders):
    count, size = int(data._inputs()[0].cardinality()), int(data._buffer_size)
    if not 0 <= count <= size:
        raise Unproved(
            "`shuffle` draws from fewer rows than there are, and keeps "
            "something of their order"
        )
    return max(orders[0], _SHUFFLED)


def _in_order(what):
    def rule(data, orders):
        if any(order != _FIXED for order in orders):
            raise Unproved(f"`{what}` may pick other rows after `shuffle`")
        return _FIXED

    return rule


def _batched(data, orders):
    _check_in_turn(data)
    if orders[0] == _FIXED:
        return _FIXED
    if orders[0] == _MIXED:
        raise Unproved("shuffled batches are batched once more")
    count, size = int(data._inputs()[0].cardinality()), int(data._batch_size)
    if bool(data._drop_remainder) and (count < 0 or count % size):
        raise Unproved(
            "`drop_remainder` leaves out other rows after each `shuffle`"
        )
    return _MIXED


def _mapped(data, orders):
    _check_in_turn(data)
    if getattr(data, _PROMISE, False):
        return orders[0]
    for each in data._functions():
        _check_pure(each.function)
    if orders[0] == _MIXED and not maps_by_row(data):
        raise Unproved("a `map` of shuffled batches may mix their rows")
    return orders[0]


def _is_by_row(function):
    """Says whether it is seen that no row of a batch depends on another."""
    nodes = function.graph.as_graph_def().node
    numbers = {
        node.name
        for node in nodes
        if node.op == "Const" and not node.attr["value"].tensor.tensor_shape.dim
    }

    def is_by_row(node):
        if node.op in _WITH_NUMBERS:
            given = [name.split(":")[0] for name in node.input]
            return sum(name not in numbers for name in given) <= 1
        return node.op in _BY_ROW

    return not function.captured_inputs and all(map(is_by_row, nodes))


def _check_in_turn(data):
    if getattr(data, "_deterministic", "default") == "false":
        raise Unproved("`deterministic=False` lets rows come in any order")


def _check_pure(function):
    """Raises an `Unproved` if a function may give other things each time."""
    if any(_may_change(each) for each in function.captured_inputs):
        raise Unproved("a `map` reads a variable or a table")
    graph = function.graph.as_graph_def()
    inner = {each.signature.name for each in graph.library.function}
    nodes = [*graph.node]
    for each in graph.library.function:
        nodes += each.node_def
    for node in nodes:
        if node.op not in inner and not _is_pure(node.op):
            raise Unproved(
                "a `map` may be random, read files, or call Python code "
                f"(`{node.op}`)"
            )


# Those with seeds of their own (`Stateless...`) give the same each time.
_DRAWS = re.compile(
    "Random|ParameterizedTruncatedNormal|TruncatedNormal|Multinomial|Rng|"
    "Stateful(?!PartitionedCall)"
)


def draws(function) -> bool:
    """Says whether a `tf.function` with an input signature draws at random.

    Looked at, not tried: two traces of a function that has a seed, or after
    `keras.utils.set_random_seed`, begin with the same draw.

    Args:
        function: what `tf.function` returned; any other is not looked at.
    """
    if not hasattr(function, "get_concrete_function"):
        return False
    graph = function.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node]
    for each in graph.library.function:
        nodes += each.node_def
    return any(_DRAWS.match(node.op) for node in nodes)


def _is_pure(name):
    if name in _HARMLESS:
        return True
    known = op_def_registry.get(name)
    is_changing = any(part in name for part in _CHANGING)
    return known is not None and not known.is_stateful and not is_changing


def _may_change(tensor):
    return tensor.dtype in (tf.resource, tf.variant)


def _count_of_repeated(epoch_iterator):
    """Returns how many batches a data set has before it is repeated.

    A guess at most, for the question how long to wait for rows to come again.
    """
    data = original_of(epoch_iterator)
    if not hasattr(data, "_inputs"):
        return None
    ranks, size = _ranks(data), epoch_iterator.data_adapter.batch_size
    while int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
        inputs = data._inputs()
        if len(inputs) != 1:
            return None
        size = int(getattr(data, "_batch_size", 0)) or size
        data = inputs[0]
    count = int(data.cardinality())
    if count < 0:
        return None
    is_of_batches = _ranks(data) == ranks
    return count if is_of_batches else math.ceil(count / (size or 1))


def _ranks(data):
    specs = tf.nest.flatten(data.element_spec)
    return [getattr(spec, "shape", tf.TensorShape(None)).rank for spec in specs]


_RULES = {
    "CacheDataset": _cached,
    "_BatchDataset": _batched,
    "_ConcatenateDataset": _in_order("concatenate"),
    "_MapDataset": _mapped,
    "_OptionsDataset": _passed,
    "_ParallelBatchDataset": _batched,
    "_ParallelMapDataset": _mapped,
    "_PrefetchDataset": _passed,
    "_RangeDataset": _source,
    "_RepeatDataset": _passed,
    "_ShuffleDataset": _shuffled,
    "_SkipDataset": _in_order("skip"),
    "_TakeDataset": _in_order("take"),
    "_TensorDataset": _source,
    "_TensorSliceDataset": _source,
    "_ZipDataset": _in_order("zip"),
}
