"""Reads a data set without moving its next order on.

A shuffled `tf.data.Dataset` has another order in each pass, so that one pass
more or less changes all that follow. Its graph can be copied; what counts the
passes is a resource that the copy would share, and gets a new one here.
"""

import tensorflow as tf

_MOST_COPIED_BYTES = 256 * 2**20  # in the copied graph they stand twice
_NEW = {  # what makes the resource of its own that an operation begins with
    "CacheDatasetV2": "DummyMemoryCache",
    "RandomDatasetV2": "DummySeedGenerator",
    "ShuffleAndRepeatDatasetV2": "DummySeedGenerator",
    "ShuffleDatasetV3": "DummySeedGenerator",
}


def is_dataset(value: object) -> bool:
    """Whether this is a `tf.data.Dataset`."""
    return isinstance(value, tf.data.Dataset)


def detached(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a data set to read while the first stays where it is.

    It has shuffles and caches of its own, which start again; the functions in
    it are the same ones. A data set that holds more than 256 MB of tensors,
    or cannot be copied, is returned itself.
    """
    if _held_bytes(dataset) > _MOST_COPIED_BYTES:
        return dataset
    try:
        variant = tf.raw_ops.DatasetFromGraph(graph_def=_graph_of(dataset))
    except tf.errors.OpError:
        return dataset
    return tf.data.experimental.from_variant(variant, dataset.element_spec)


def _held_bytes(dataset):
    held = filter(tf.is_tensor, getattr(dataset, "_tensors", ()))
    own = sum(x.dtype.size * (x.shape.num_elements() or 0) for x in held)
    return own + sum(_held_bytes(each) for each in dataset._inputs())


def _graph_of(dataset):
    serialized = tf.raw_ops.DatasetToGraphV2(
        input_dataset=tf.data.experimental.to_variant(dataset),
        external_state_policy=1,  # go on, without a warning
    )
    graph = tf.compat.v1.GraphDef.FromString(serialized.numpy())
    kind = tf.resource.as_datatype_enum
    resources = {n.name for n in graph.node if n.attr["dtype"].type == kind}
    for node in [each for each in graph.node if each.op in _NEW]:
        new = _NEW[node.op]
        node.input[:] = [new if i in resources else i for i in node.input]
    for new in set(_NEW.values()):
        graph.node.add(name=new, op=new)
    return graph.SerializeToString()
