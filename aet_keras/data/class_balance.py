"""Weights classes so that each counts the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._optional import needing
from aet_keras._wording import listed

IMBALANCE_ADVICE = " `--class-weight balanced` makes each class count the same."
_OWNER = "balance"
_RARE = 0.05
_MUCH = 3.0  # times as many rows, from which on it is noted


def compute_class_weights(labels: Any, class_count: int) -> np.ndarray:
    """Returns the weight of each class that gives all the same sum.

    It is rows / (classes * rows of the class), as scikit-learn's `"balanced"`
    has it; the mean over the rows is 1.

    Args:
        labels: ints `(rows,)`.
        class_count: int >= 1. A class without rows gets 1 and does not count
            among the classes.

    Returns:
        float32 array `(class_count,)`.

    Example:

    >>> aet_keras.data.class_balance.compute_class_weights([0, 0, 0, 1], 2)
    array([0.6666667, 2.       ], dtype=float32)
    """
    with needing("training"):
        from sklearn.utils.class_weight import compute_class_weight

    labels = np.asarray(labels)
    present = np.unique(labels)
    found = np.ones(class_count, "float32")
    found[present] = compute_class_weight("balanced", classes=present, y=labels)
    return found


def balance(data: Any, class_weight: str | Mapping = "balanced") -> Any:
    """Gives each row the weight of its class, for each output of a model.

    Keras's `fit` takes `class_weight` for a model of one output only, because
    its classes are numbers without an output's name. Sample weights it takes
    for any number of outputs:

    ```python
    weights = aet_keras.data.balance(labels)
    model.fit(x, labels, sample_weight=weights)
    model.fit(aet_keras.data.balance(train))  # a tf.data.Dataset
    ```

    Args:
        data: the labels of all rows as an array, or a dict, list or tuple
            with an array for each output; or a `tf.data.Dataset` of
            `(x, y)` or `(x, y, sample_weight)` in batches, which is read once
            to count and must end. Labels are class numbers `(rows,)` or
            `(rows, 1)`, or one-hot `(rows, classes)`.
        class_weight: `"balanced"`, which is rows / (classes * rows of the
            class) of each output; or a dict of class number to weight, a
            class that is not named gets 1. With several outputs, optionally
            a dict or list of these, an output that is not named, or is
            `None`, gets 1 for each row, such as one that is no class.

    Returns:
        float32 arrays `(rows,)`, arranged as the labels are; or a
        `tf.data.Dataset` of `(x, y, sample_weight)`. Weights that were there
        are multiplied.

    Raises:
        TypeError: if a data set does not hold pairs or triples.
        ValueError: if labels are no classes, a data set has no end, an output
            is not known, or a weight is negative.

    Example:

    Two outputs, of which one is no class:

    >>> labels = {
    ...     "kind": np.array([0, 0, 0, 1]),
    ...     "price": np.array([1.5, 2.0, 2.5, 9.0]),
    ... }
    >>> weights = aet_keras.data.balance(labels, {"kind": "balanced"})
    >>> weights["kind"]
    array([0.6666667, 0.6666667, 0.6666667, 2.       ], dtype=float32)
    >>> weights["price"]
    array([1., 1., 1., 1.], dtype=float32)
    """
    import tensorflow as tf

    if isinstance(data, tf.data.Dataset):
        return _weighted(data, class_weight)
    labels, rebuild = _by_output(data)
    wanted = _wanted(class_weight, labels)
    return rebuild(
        {
            name: _of_rows(name, each, _table(name, each, wanted[name]))
            for name, each in labels.items()
        }
    )


def imbalance_notes(
    labels: np.ndarray, class_names: Sequence[str]
) -> tuple[str, ...]:
    """Returns a sentence if some class has many times the rows of another.

    Args:
        labels: ints `(rows,)`, of the rows to learn from.
        class_names: sequence of str.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return ()
    order = present[np.argsort(counts[present], kind="stable")]
    least, most = counts[order[0]], counts[order[-1]]
    if most <= _MUCH * least:
        return ()
    rare = [c for c in order[:-1] if most > _MUCH * counts[c]]
    named = listed(f"{counts[c]} of `{class_names[c]}`" for c in rare)
    share = least / counts.sum()
    notes = [_rare_note(class_names[order[0]], share)] if share < _RARE else []
    return (
        *notes,
        "The classes differ much in size: train has "
        f"{most} rows of `{class_names[order[-1]]}`, {named}. A model "
        "that predicts the largest class for every row seems good then."
        f"{IMBALANCE_ADVICE}",
    )


def _rare_note(name, share):
    return (
        f"`{name}` has {share:.1%} of the rows to learn from: accuracy says "
        "nothing of it, look at its recall and at the average precision in the "
        "report. What helps most is more rows of it."
    )


def _by_output(y, *, is_batch=False):
    """Returns the labels by output, and how to arrange something likewise.

    In a batch of a data set, lists and tuples are always several outputs.
    """
    if isinstance(y, Mapping):
        return dict(y), lambda found: found
    if isinstance(y, list | tuple) and (is_batch or any(map(np.ndim, y))):
        kind = type(y)
        return (
            dict(enumerate(y)),
            lambda found: kind(found[i] for i in range(len(y))),
        )
    return {"": y}, lambda found: found[""]


def _wanted(class_weight, labels):
    """Returns what is asked for each output, by its name or number."""
    if isinstance(class_weight, str):
        return dict.fromkeys(labels, class_weight)
    if isinstance(class_weight, list | tuple):
        class_weight = dict(enumerate(class_weight))
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"{_OWNER}: `class_weight` must be 'balanced' or a dict. Received: "
            f"class_weight={class_weight!r}."
        )
    if list(labels) == [""]:
        return {"": class_weight}
    unknown = [name for name in class_weight if name not in labels]
    if unknown:
        raise ValueError(
            f"{_OWNER}: `class_weight` must name outputs that there are, "
            f"{', '.join(map(repr, labels))}. Received: {unknown[0]!r}. With "
            "several outputs each has its own, such as "
            '`{"kind": "balanced"}`.'
        )
    return {name: class_weight.get(name) for name in labels}


def _table(name, labels, wanted):
    """Returns the weight of each class of an output; None for 1 each."""
    if wanted is None:
        return None
    classes = _classes(name, labels)
    count = int(classes.max(initial=0)) + 1
    if wanted == "balanced":
        return compute_class_weights(classes, count)
    if not isinstance(wanted, Mapping):
        raise ValueError(
            f"{_OWNER}: the weights{_of(name)} must be 'balanced' or a dict of "
            f"class number to weight. Received: {wanted!r}."
        )
    table = np.ones(max(count, *(int(each) + 1 for each in wanted)), "float32")
    for each, weight in wanted.items():
        if int(each) != each or each < 0 or not 0 <= weight < np.inf:
            raise ValueError(
                f"{_OWNER}: the weights{_of(name)} must be numbers of at least "
                f"0, for class numbers. Received: {each!r}: {weight!r}."
            )
        table[int(each)] = weight
    return table


def _of_rows(name, labels, table):
    if table is None:
        return np.ones(len(labels), "float32")
    return table[_classes(name, labels)]


def _classes(name, labels):
    """Returns the class number of each row."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and _is_one_hot(labels):
        return labels.argmax(axis=1)
    is_number = labels.dtype.kind in "biuf"
    whole = labels.astype("int64") if is_number else labels
    if labels.ndim != 1 or not is_number or (whole != labels).any():
        raise ValueError(
            f"{_OWNER}: the labels{_of(name)} must be classes: whole numbers "
            "`(rows,)`, or one-hot `(rows, classes)`. Received: "
            f"{labels.dtype} {labels.shape}. An output that is no class is "
            "left out of `class_weight`, a dict of the others."
        )
    if (whole < 0).any():
        raise ValueError(
            f"{_OWNER}: the labels{_of(name)} must be at least 0. Received: "
            f"{whole.min()}."
        )
    return whole


def _is_one_hot(labels):
    is_binary = ((labels == 0) | (labels == 1)).all()
    return bool(is_binary and (labels.sum(axis=1) == 1).all())


def _of(name):
    return f" of output {name!r}" if name != "" else ""


def _weighted(dataset, class_weight):
    import tensorflow as tf

    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"{_OWNER}: the data set must have an end, because its classes "
            "are counted. Received: one that repeats for ever. Call "
            "`.repeat()` on what this function returns."
        )
    batches = [_labels_of(batch) for batch in dataset.as_numpy_iterator()]
    if not batches:
        raise ValueError(f"{_OWNER}: there must be rows. Received: none.")
    labels = {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }
    wanted = _wanted(class_weight, labels)
    tables = {
        name: _table(name, each, wanted[name]) for name, each in labels.items()
    }
    hot = {
        name: np.ndim(each) == 2 and each.shape[1] > 1
        for name, each in labels.items()
    }

    def of_rows(name, y):
        if tables[name] is None:
            return tf.ones(tf.shape(y)[:1])
        classes = tf.argmax(y, axis=1) if hot[name] else tf.reshape(y, [-1])
        return tf.gather(tables[name], tf.cast(classes, tf.int64))

    def weigh(x, y, given=None):
        parts, rebuild = _by_output(y, is_batch=True)
        found = {name: of_rows(name, each) for name, each in parts.items()}
        if given is not None:
            found = _multiplied(found, given)
        return x, y, rebuild(found)

    return dataset.map(weigh)


def _labels_of(batch):
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        raise TypeError(
            f"{_OWNER}: a data set must give `(x, y)` or "
            "`(x, y, sample_weight)`, because classes are in `y`. Received: "
            f"{type(batch).__name__}."
        )
    parts, _ = _by_output(batch[1], is_batch=True)
    if any(np.ndim(each) == 0 for each in parts.values()):
        raise ValueError(
            f"{_OWNER}: a data set must give batches. Received: single rows. "
            "Call `.batch(...)` first."
        )
    return parts


def _multiplied(found, given):
    parts, _ = _by_output(given, is_batch=True)
    if list(parts) == [""]:  # one weight a row, for all outputs
        parts = dict.fromkeys(found, given)
    import tensorflow as tf

    return {
        name: weight
        if parts.get(name) is None
        else weight * tf.reshape(tf.cast(parts[name], weight.dtype), [-1])
        for name, weight in found.items()
    }
