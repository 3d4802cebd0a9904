"""Spares tests what TensorFlow prepares for long runs on much data."""

import gc
import warnings
from unittest import mock

import keras
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import ops
from tensorflow.python.util import tf_stack

_TUNED = tf.data.Dataset.__iter__
_UNTUNED = tf.data.Options()
_UNTUNED.autotune.enabled = False
_UNTUNED.experimental_optimization.apply_default_optimizations = False


def _iterate(dataset):
    iterator = _TUNED(dataset.with_options(_UNTUNED))
    iterator._dataset = dataset  # what is read of it is what was given
    return iterator


def tune_pipelines(are_tuned):
    """Says whether iterators of data sets are optimized and tuned.

    For a few rows, to optimize a pipeline takes longer than to run it, and
    each iterator waits 20 ms for its thread to end: a quarter of such a `fit`.
    """
    tf.data.Dataset.__iter__ = _TUNED if are_tuned else _iterate


def optimize_graphs(are_optimized):
    """Says whether TensorFlow optimizes each graph before it runs it.

    For a few rows that takes longer than to run it: a fifth of most tests.
    """
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": not are_optimized}
    )


def kept_kernels():
    """Returns a context in which to seed leaves TensorFlow's kernels alone.

    Seeds and `clear_session` throw them away, and a function that several
    tests of a file call is optimized anew in each of them.
    """
    return mock.patch(
        "tensorflow.python.eager.context.pywrap_tfe.TFE_ContextClearCaches",
        lambda handle: None,
    )


def spare_stacks():
    """Has each operation of a graph carry one and the same stack.

    To walk the stack, deep in pytest and Keras, is a twentieth of all tracing;
    only what an operation's error says of its origin is lost.
    """
    stack = tf_stack.extract_stack()
    frozen = mock.Mock(wraps=tf_stack)
    frozen.extract_stack = lambda stacklevel=1: stack
    ops.tf_stack = frozen


def trace_faster():
    """Has operations be made and run without what explains their errors.

    To shorten tracebacks is a third of the time of those that run at once.
    """
    spare_stacks()
    tf.debugging.disable_traceback_filtering()
    keras.config.disable_traceback_filtering()


_MORE_FUNCTIONS = 1000
_LEFT = [0]  # so many were in use when garbage was collected last


def forget_functions():
    """Frees what was traced and is not used, whenever it has become much.

    TensorFlow looks at each function that there is whenever it makes an
    iterator or a variable: of thousands, that is most of a small `fit`. To
    collect after each file would take longer than that.
    """
    functions = context.context().list_function_names
    if len(functions()) - _LEFT[0] > _MORE_FUNCTIONS:
        gc.unfreeze()
        with warnings.catch_warnings():  # files of what had been frozen
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        _LEFT[0] = len(functions())
