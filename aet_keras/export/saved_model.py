"""Writes functions as a SavedModel: the one writer for all kinds of data."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._optional import optional, versions
from aet_keras._wording import repeated
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export.answer_sets import answer_with_sets
from aet_keras.publishing import manifest

DEFAULT, BYTES = "serving_default", "bytes"
CLASSIFY, REGRESS = "classify", "regress"
EMBEDDINGS = "embeddings"
METHODS = {  # the others: predict
    CLASSIFY: "tensorflow/serving/classify",
    REGRESS: "tensorflow/serving/regress",
}
PREDICT = "tensorflow/serving/predict"
NO_EMBEDDINGS = (
    "`embeddings` is left out, because the model's head is not one dense "
    "layer on one row an image."
)
REQUESTS_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MOST_REQUESTS = 4


@dataclass(frozen=True)
class Served:
    """Holds the functions that are served, and the objects they read.

    Args:
        functions: dict of concrete functions by the name of the signature.
        kept: dict of the weights, tables and tokenisers that they read.
        notes: sequence of str. Why a signature is not there.
    """

    functions: Mapping[str, Any]
    kept: Mapping[str, Any]
    notes: Sequence[str] = ()


def write_saved_model(
    directory: str | os.PathLike,
    build: Callable[[Path], Served],
    requests: Callable[[Mapping[str, Any]], Iterable[Any]],
    *,
    kind: str,
    class_count: int,
    shape: tuple[int, int, int] | None = None,
    described: Mapping[str, Any] | None = None,
    guarantee: Guarantee | None = None,
) -> Path:
    """Writes a SavedModel, requests that a server tries, and the manifest.

    Args:
        directory: str or path-like. Where to write; made if missing.
        build: takes a folder for the files of assets, returns a `Served`.
        requests: takes the functions, returns records of requests.
        kind: str. What a row is: `"image"`, `"text"`, `"table"` or
            `"rating"`.
        class_count: int >= 0.
        shape: height, width and channels of an image, where it takes any.
        described: what the manifest says besides.
        guarantee: optional `Guarantee`, which sets or intervals hold.

    Returns:
        `pathlib.Path`, the directory.
    """
    directory = Path(directory)
    with tempfile.TemporaryDirectory() as folder:
        served = build(Path(folder))
        if guarantee is not None:
            served = answer_with_sets(served, guarantee)
        with refused_by_the_system():
            _save(directory, served)
    with refused_by_the_system():
        write_requests(directory, requests(served.functions))
    about = _describe(served, kind, class_count, shape)
    if guarantee is not None:
        about["guarantee"] = guarantee.to_json()
    manifest.write_manifest(directory, {**about, **(described or {})})
    return directory


def trace(function: Callable, *specs: Any, **named: Any) -> Any:
    """Returns the concrete function of a function and its tensor specs."""
    traced = tf.function(function, autograph=False)
    return traced.get_concrete_function(*specs, **named)


def strings(name: str) -> tf.TensorSpec:
    """Returns the spec of an input of any number of strings."""
    return tf.TensorSpec((None,), tf.string, name=name)


def answer(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the outputs of `serving_default`: all but embeddings."""
    return {k: each for k, each in outputs.items() if k != EMBEDDINGS}


def classified(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns outputs as the classify call of TensorFlow Serving has them."""
    return {"classes": outputs["classes"], "scores": outputs["probabilities"]}


def trace_examples(run: Callable, feature: str, shown: Callable) -> Any:
    """Traces the signature that takes serialised examples.

    Args:
        run: what is given the strings, `(batch,)`, and returns outputs.
        feature: str. What an example calls its string.
        shown: of these outputs; returns those of the signature.
    """

    def answer_examples(inputs):
        features = {feature: tf.io.FixedLenFeature([], tf.string)}
        return shown(run(tf.io.parse_example(inputs, features)[feature]))

    return trace(answer_examples, strings("inputs"))


def check_columns(owner: str, model: keras.Model, names: Sequence[str]) -> None:
    """Makes sure that each column of the output has a name of its own."""
    given = tuple(model.outputs[0].shape)
    if given[1:] != (len(names),):
        raise ValueError(
            f"{owner}: `class_names` must name each column of the "
            f"output. Received: {len(names)} names for output shape "
            f"{given}."
        )
    for name in names:
        if not (name and check.is_one_line(name)):
            raise ValueError(
                f"{owner}: a class name must be one line of text, "
                "because `labels.txt` holds one a line. Received: "
                f"class_names with {name!r}. Rename the class."
            )
    twice = repeated(names)
    if twice:
        raise ValueError(
            f"{owner}: class names must differ, because a client "
            f"knows a class by its name. Received twice: {twice[:3]}."
        )


_REFUSED = (
    tf.errors.OutOfRangeError,  # a file too large
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,  # a full disk
)


@contextlib.contextmanager
def refused_by_the_system() -> Iterator[None]:
    """Turns what TensorFlow raises of a file or a disk into an `OSError`."""
    try:
        yield
    except _REFUSED as error:
        reason = error.message.rpartition("; ")[2].partition(" [Op:")[0]
        raise OSError(reason) from error


def label_table(path: Path, names: Sequence[str]) -> Any:
    """Writes names to a file, one a line, and returns the table of them."""
    _write_lines(path, names)
    return _line_table(path, _NUMBER, _LINE, "")


def code_table(path: Path, ids: Sequence[str]) -> Any:
    """Writes ids to a file, one a line; returns a table to codes from 0 on.

    What is not in it has code -1.
    """
    _write_lines(path, ids)
    return _line_table(path, _LINE, _NUMBER, -1)


def _write_lines(path, lines):
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8")


_LINE = (tf.string, tf.lookup.TextFileIndex.WHOLE_LINE)
_NUMBER = (tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)


def _line_table(path, key, value, default):
    lines = tf.lookup.TextFileInitializer(os.fspath(path), *key, *value)
    return tf.lookup.StaticHashTable(lines, default_value=default)


def repeated_names(table: Any, class_count: int, row_count: Any) -> Any:
    """Returns all names of a table for each row, `(rows, classes)`."""
    names = table.lookup(tf.range(class_count, dtype=tf.int64))
    return tf.tile(names[tf.newaxis], [row_count, 1])


def write_requests(directory: Path, requests: Iterable[Any]) -> None:
    """Writes the requests that a server tries before it serves a version.

    TensorFlow Serving runs each record of this file when it loads a version,
    so that no client waits for what is set up on a first call. A record that
    fails keeps the version from being served; more than 1000 do, too.
    """
    target = directory / REQUESTS_FILE
    target.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(target)) as writer:
        for request in requests:
            writer.write(request.SerializeToString())


def predict_log(name: str, inputs: Mapping[str, Any]) -> Any:
    """Returns the record of a request for a signature."""
    log = _log()
    request = log.predict_log.request
    request.model_spec.signature_name = name
    for key, values in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
    return log


def classify_log(name: str, rows: Iterable[Mapping[str, bytes | float]]) -> Any:
    """Returns the record of a classify or regress request, an example a row.

    Args:
        name: `CLASSIFY` or `REGRESS`.
        rows: of features by name.
    """
    log = _log()
    request = getattr(log, f"{name}_log").request
    request.model_spec.signature_name = name
    for row in rows:
        example = request.input.example_list.examples.add()
        for key, value in row.items():
            feature = example.features.feature[key]
            if isinstance(value, bytes):
                feature.bytes_list.value.append(value)
            else:
                feature.float_list.value.append(value)
    return log


def _log():
    prediction_log_pb2 = optional(
        "tensorflow_serving.apis.prediction_log_pb2", extra="training"
    )
    return prediction_log_pb2.PredictionLog()


def _save(directory, served):
    """Writes functions and what they read, and nothing else.

    Not by `keras.export.ExportArchive`: it traces each function a second
    time while it saves, which costs as much as the first.
    """
    module = tf.Module()
    for name, value in served.kept.items():
        is_many = isinstance(value, list | tuple)
        setattr(module, name, list(value) if is_many else value)
    path = os.fspath(directory)
    tf.saved_model.save(module, path, signatures=dict(served.functions))
    # `tf.saved_model.save` calls every method "predict". TensorFlow Serving
    # lets that pass unless `--enable_signature_method_name_check` is set.
    update = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(
        path
    )
    for name, method in METHODS.items():
        if name in served.functions:
            update.replace_method_name(name, method)
    update.save()


def _describe(served, kind, class_count, shape):
    """Returns the content of a manifest without the files."""
    names = ("height", "width", "channels")
    input_ = {"input": dict(zip(names, shape, strict=True))} if shape else {}
    return {
        "format": manifest.FORMAT,
        "kind": kind,
        "versions": versions(),
        **input_,
        "class_count": class_count,
        "signatures": {
            name: {
                "method": METHODS.get(name, PREDICT),
                "inputs": _inputs(function),
                "outputs": _specs(function.structured_outputs),
            }
            for name, function in served.functions.items()
        },
        "notes": list(served.notes),
    }


def _inputs(function):
    positional, named = function.structured_input_signature
    return _specs({**{spec.name: spec for spec in positional}, **named})


def _specs(specs):
    return {
        name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        for name, spec in specs.items()
    }
