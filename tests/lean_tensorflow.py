"""Spares tests what TensorFlow prepares for long runs on much data."""

import contextlib
import gc
import warnings
from unittest import mock

import keras
import tensorflow as tf
from keras.src.optimizers.base_optimizer import BaseOptimizer
from tensorflow.python.eager import context
from tensorflow.python.framework import func_graph, ops
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
    """Has functions be traced in half the time, to the same graphs.

    Operations that run at once are called without the layers that shorten
    tracebacks: a third of their time.
    """
    spare_stacks()
    tf.debugging.disable_traceback_filtering()
    keras.config.disable_traceback_filtering()
    build_outside_steps(True)


_APPLY = BaseOptimizer.apply
_AS_DEFAULT = func_graph.FuncGraph.as_default


def build_outside_steps(is_outside):
    """Says whether optimizers are built before a step is traced, not in it."""
    BaseOptimizer.apply = _apply if is_outside else _APPLY
    func_graph.FuncGraph.as_default = _as_default if is_outside else _AS_DEFAULT


def _apply(self, grads, trainable_variables=None):
    """Builds an optimizer before its first step, and not within.

    TensorFlow traces a function twice that makes variables.
    """
    if trainable_variables is not None and not self.built:
        trainable_variables = list(trainable_variables)
        with _outside():
            self.build(trainable_variables)
    return _APPLY(self, grads, trainable_variables)


@contextlib.contextmanager
def _outside():
    """Has variables be made as if no function were traced."""
    with tf.init_scope():
        graph = ops.get_default_graph()
        creators = graph._variable_creator_stack
        graph._variable_creator_stack = [
            each
            for each in creators
            if each[1].__name__ != "variable_capturing_scope"
        ]
        try:
            yield
        finally:
            graph._variable_creator_stack = creators


def _as_default(self):
    """Leaves a graph as it is that is the default one already."""
    if ops.get_default_graph() is self and not context.executing_eagerly():
        return contextlib.nullcontext(self)
    return _AS_DEFAULT(self)


_MOST_FUNCTIONS = 300


def forget_functions():
    """Frees what was traced and is not used, if it has become much.

    TensorFlow looks at each function that there is whenever it makes an
    iterator or a variable: of thousands, that is most of a small `fit`.
    """
    if len(context.context().list_function_names()) > _MOST_FUNCTIONS:
        gc.unfreeze()
        with warnings.catch_warnings():  # files of what had been frozen
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
