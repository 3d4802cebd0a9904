"""Gives a running `fit` other train and test functions."""

from collections.abc import Callable

import keras
import tensorflow as tf

from aet_keras._keras.iterators import PostponedIterator
from aet_keras._keras.sources import dataset_of, upstream


def rebuild_train_function(model: keras.Model) -> None:
    """Makes a train function again; `fit` takes it from the next batch on.

    A train function holds the trainable map and the optimizer's methods of
    the moment it was traced: without this call a flip does nothing.
    """
    model.make_train_function(force=True)


def forget_train_function(model: keras.Model) -> None:
    """Drops the train function, so that the next `fit` makes its own."""
    model.train_function = None


def make_train_function(model: keras.Model):
    """Returns a train function as the model would make for itself now."""
    return model._make_function(model.train_step)


def own_test_function(model: keras.Model):
    """Returns the model's test function; makes one if there is none."""
    return model.test_function or model._make_function(model.test_step)


def current_fit(model: keras.Model):
    """Returns what tells one `fit` of a model from another, while it runs."""
    return getattr(model, "history", None)


def is_of_fit(iterator) -> bool:
    """Tells the batches of a `fit` from what `train_on_batch` was given."""
    kinds = tf.data.Iterator, tf.distribute.DistributedIterator
    return isinstance(iterator, (*kinds, PostponedIterator))


def run_steps(model: keras.Model, step: Callable, iterator):
    """Runs as many steps as `steps_per_execution` asks for.

    Args:
        model: the model that trains.
        step: function of an iterator, which returns the logs.
        iterator: gives the batches.

    Raises:
        StopIteration: if there is no batch left.
    """
    logs = None
    for _ in range(model.steps_per_execution):
        try:
            logs = step(iterator)
        except StopIteration:
            break
    if logs is None:
        raise StopIteration
    return logs


def has_queue(iterator) -> bool:
    """Says whether batches come from the workers of a `PyDataset`.

    What they have ready when a pass is left early comes in the next one. They
    are known by the options that Keras sets for them, and for them alone.
    """
    dataset = dataset_of(iterator)
    if dataset is None:
        return False
    options = dataset.options()
    if options.autotune.enabled is not False:
        return False
    sources = [type(each).__name__ for each in upstream(dataset)]
    has_one_thread = options.threading.private_threadpool_size == 1
    return has_one_thread and "_FlatMapDataset" in sources


def own_validation(model: keras.Model, iterator) -> int | None:
    """Tells `fit`'s own validation from any other `evaluate`.

    Returns:
        How many batches it has (0 if that is not known), or `None` if the
        iterator is another's.
    """
    validation = getattr(model, "_eval_epoch_iterator", None)
    if validation is None or iterator is not validation._current_iterator:
        return None
    return validation.num_batches or 0


def validation_iterator(model: keras.Model):
    """Returns what `fit` draws the steps of its validation from, or None."""
    return getattr(model, "_eval_epoch_iterator", None)
