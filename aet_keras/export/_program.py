"""Saves functions, and what they read, as a SavedModel."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from aet_keras.export._signatures import METHODS


def save(
    directory: Path, functions: Mapping[str, Any], kept: Mapping[str, Any]
) -> None:
    """Writes functions and what they read, and nothing else.

    Not by `keras.export.ExportArchive`: it traces each function a second
    time while it saves, which costs as much as the first.

    Args:
        directory: where to write.
        functions: concrete functions by the name of the signature.
        kept: weights, tables and tokenisers that the functions read.
    """
    module = tf.Module()
    for name, value in kept.items():
        is_many = isinstance(value, list | tuple)
        setattr(module, name, list(value) if is_many else value)
    path = os.fspath(directory)
    tf.saved_model.save(module, path, signatures=dict(functions))
    # `tf.saved_model.save` calls every method "predict". TensorFlow Serving
    # lets that pass unless `--enable_signature_method_name_check` is set.
    update = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(
        path
    )
    for name, method in METHODS.items():
        if name in functions:
            update.replace_method_name(name, method)
    update.save()
