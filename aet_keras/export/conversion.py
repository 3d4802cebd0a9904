"""Converts a model to ONNX, OpenVINO and LiteRT."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check, _regular_file
from aet_keras._optional import optional
from aet_keras._progress import report
from aet_keras._renamed import renamed_arguments
from aet_keras.data.image_decoding import resize
from aet_keras.data.image_reading import read_digits
from aet_keras.errors import ExportError
from aet_keras.export import rounded_weights
from aet_keras.export.answer_sets import MEDIAN
from aet_keras.export.compared_outputs import (
    Comparison,
    largest_gap,
    output_of,
    predict_images,
)
from aet_keras.export.image_model import image_shape, whole_pixels
from aet_keras.export.saved_model import refused_by_the_system
from aet_keras.publishing import check_manifest, version_folder
from aet_keras.publishing.publication import find_version

SUFFIXES = {"litert": ".tflite", "onnx": ".onnx", "openvino": ".xml"}
_NEEDS = {"litert": (), "onnx": ("onnx", "tf2onnx"), "openvino": ("openvino",)}
_DIGITS = 16
_ROUNDED = 1e-6  # sums of float32 that stand for one half reach it, too


@renamed_arguments(pictures="images")
def convert(
    source: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    format: str,
    images: Any = None,
    tolerance: float = 1e-4,
    weights: str = "float32",
    agreement: float = rounded_weights.AGREEMENT,
) -> Comparison:
    """Writes a classifier of images for another runtime, and tries it there.

    The file takes what the Keras model takes, a batch of raw pixels as
    float32, and gives probabilities. Of a published model whose classes have
    an order it has the outputs `probabilities` and `rank_of_median`, ints
    `(batch,)`: which class is the median, 0 for the lowest. It is run on real
    images by a runtime of its format and appears at `path` only if it agrees
    with Keras.

    Rounded weights make a smaller file, of which 1e-4 cannot be asked. It is
    written if the file with float32 weights agrees to `tolerance`, and its
    own most probable class is the model's for enough of the images.

    Args:
        source: `keras.Model`, or the path of a published folder or of one
            version in it, whose `model.keras` is read and whose sums are
            checked.
        path: str or path-like. Ends with `.onnx`, `.xml` (OpenVINO, which
            writes a `.bin` beside it) or `.tflite` (LiteRT).
        format: `"onnx"`, `"openvino"` or `"litert"`. The first two need the
            extra of that name.
        images: optional array `(count, height, width, channels)` of real
            images. Defaults to sixteen handwritten digits.
        tolerance: float > 0. The largest difference to accept; of a published
            model of a number in parts of the largest one. Defaults to `1e-4`.
        weights: `"float32"`, or for `"litert"` `"float16"` or `"int8"`
            (kernels alone; activations stay floats). Needs at least 200
            images that the model was not trained on.
        agreement: float in (0, 1]. With rounded weights, the least share of
            images whose most probable class is the model's. Defaults to
            `0.985`.

    Returns:
        A `Comparison`; of rounded weights one that also has `agreement`,
        `size_bytes` and `milliseconds`.

    Raises:
        ImportError: if a package of the format is missing, with its extra.
        ExportError: if the folder holds no model, what was written cannot be
            run, or it differs. Nothing is left behind then.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     compared = aet_keras.export.convert(
    ...         model, f"{folder}/model.tflite", format="litert"
    ...     )
    >>> compared.count, compared.difference < 1e-4
    (16, True)
    """
    _check.one_of("convert", format=format, among=sorted(SUFFIXES))
    _check.positive("convert", tolerance=tolerance)
    _check.positive_ratio("convert", agreement=agreement)
    rounded_weights.check_asked(weights, format, images)
    target = _checked_path(Path(path), format)
    for package in _NEEDS[format]:
        optional(package, extra=format)
    if isinstance(source, keras.Model):
        model, is_ordered, is_number = source, False, False
    else:
        model, is_ordered, is_number = _read(Path(source))
    if is_number:
        _check_not_rounded(weights)
    shape = image_shape("convert", model)
    pixels = _digits(shape) if images is None else images
    pixels = whole_pixels("convert", pixels, shape=shape)
    refusal = f"convert: nothing was written to {target}"
    with version_folder.explained(refusal, target.parent):
        with version_folder.lend_new(target.parent) as aside:
            written = aside / target.name
            # First: some exporters refuse a model that was never called.
            expected = predict_images(model, pixels)
            _, unit = output_of("number" if is_number else "classes", expected)
            if weights == "int8":
                model = rounded_weights.with_even_head(model)
            if is_ordered:
                model = _with_median(model)
                model(pixels[:1])  # as above: this one is another model
            report(f"writing {format}")
            _write(model, written, format)
            report("running it, and comparing it with the model")
            taken = pixels.astype(model.inputs[0].dtype)
            made, *ranks = _run(written, format, taken)
            compared = _compare(format, made, expected, tolerance, unit)
            _check_medians(format, made, ranks)
            if weights != "float32":
                report(f"rounding weights to {weights}, and comparing again")
                whole = written.replace(aside / "float32")
                settings = rounded_weights.SETTINGS[weights]
                _write(model, written, format, **settings)
                made, *ranks = _run(written, format, taken)
                _check_medians(format, made, ranks)
                compared = rounded_weights.compare(
                    weights,
                    made,
                    expected,
                    _measured(written, taken),
                    _measured(whole, taken),
                )
                rounded_weights.check_agreement(compared, agreement)
                whole.unlink()
            for each in sorted(aside.iterdir()):
                os.replace(each, target.with_name(each.name))
    return compared


def _checked_path(path, format):
    suffix = SUFFIXES[format]
    if path.suffix == suffix:
        return path
    raise ValueError(
        f"convert: a path must end with `{suffix}`, because runtimes know "
        f"{format} by it. Received: path={str(path)!r}. Call it "
        f"`{path.with_suffix(suffix).name}`."
    )


def _read(folder):
    """Returns the published model; whether classes have an order, or none.

    A model without classes puts out a number.
    """
    version = find_version(folder)
    signatures = check_manifest(version).signatures or {}
    outputs = signatures.get("serving_default", {}).get("outputs", ())
    try:
        model = _regular_file.load_model(version / "model.keras")
        return model, MEDIAN in outputs, "values" in outputs
    # A damaged file surfaces as nearly every kind of exception.
    except Exception as error:
        reason = _check.first_line(error)
        raise ExportError(
            f"convert: {version} must hold a `model.keras` that can be read, "
            f"because that is what is converted. Received: {reason}. Name the "
            "folder that `aet-keras fit` was given as `--out`."
        ) from error


def _check_not_rounded(weights):
    if weights != "float32":
        raise ValueError(
            "convert: the model must put out classes, because rounded weights "
            "are accepted by the share of equal classes. Received: "
            f'weights="{weights}" and a model of a number. Leave it out.'
        )


def _with_median(model):
    """Returns a model that also puts out which class is the median."""
    (said,) = model.outputs
    summed = keras.ops.cumsum(said, axis=1)
    below = summed < 0.5 * summed[:, -1:] - _ROUNDED
    median = keras.ops.sum(keras.ops.cast(below, "int32"), axis=1)
    outputs = {"probabilities": said, "rank_of_median": median}
    (pixels,) = model.inputs
    return keras.Model(pixels, outputs)


def _digits(shape):
    """Returns digits of the model's size, at its number of channels."""
    *size, channels = shape
    digits = read_digits().test.inputs[:_DIGITS]
    rows = np.stack([resize(each, tuple(size)) for each in digits])
    return np.repeat(rows[..., :1], channels, axis=-1)  # they are grey


def _write(model, path, format, **settings):
    with warnings.catch_warnings(), refused_by_the_system():
        # About the age of what the converters lean on: not ours to repair.
        warnings.simplefilter("ignore")
        model.export(os.fspath(path), format=format, verbose=False, **settings)


def _run(path, format, pixels):
    """Returns the probabilities, and where classes have an order the ranks."""
    try:
        outputs = [np.asarray(each) for each in RUNTIMES[format](path, pixels)]
    except ImportError:
        raise
    # Each runtime has its own kinds of exception, and none is our caller's.
    except Exception as error:
        raise ExportError(
            f"convert: what was written as {format} cannot be run. Received: "
            f"{type(error).__name__}: {error}. Nothing was kept."
        ) from error
    # Runtimes name outputs in their own ways; ranks have one axis less.
    said, *ranks = sorted(outputs, key=lambda each: -each.ndim)
    return said.astype("float32"), *ranks


def _check_medians(format, said, ranks):
    """Raises if a rank is not the median of what stands beside it."""
    summed = np.pad(np.cumsum(said, axis=1, dtype="float64"), ((0, 0), (1, 0)))
    half = 0.5 * summed[:, -1]
    for given in ranks:
        rows = np.arange(len(given))
        is_right = summed[rows, given] < half + 2 * _ROUNDED
        is_right &= summed[rows, given + 1] > half - 2 * _ROUNDED
        if not is_right.all():
            raise ExportError(
                f"convert: what was written as {format} must give the rank of "
                "the median class. Received: another rank for "
                f"{np.count_nonzero(~is_right)} of {len(rows)} images. "
                "Nothing was kept."
            )


def _compare(format, made, expected, tolerance, unit):
    gap = largest_gap("convert", format, made, expected) / unit
    if gap > tolerance:
        raise ExportError(
            f"convert: what was written as {format} differs from the model by "
            f"{gap:.2e} on {len(made)} images; at most {tolerance:.0e} is "
            "accepted. Nothing was kept."
        )
    spread = float(np.ptp(expected, axis=0).max()) / unit
    return Comparison(gap, len(made), spread)


def _measured(path, pixels):
    """Returns the bytes of a LiteRT file, and the milliseconds of an image."""
    run = _interpreter(path, pixels[:1])
    return path.stat().st_size, rounded_weights.milliseconds(run, pixels)


def run_onnx(path: Path, pixels: np.ndarray) -> list[np.ndarray]:
    """Runs an ONNX file; returns its outputs, as the others do."""
    reference = optional("onnx.reference", extra="onnx")
    session = reference.ReferenceEvaluator(str(path))
    return session.run(None, {session.input_names[0]: pixels})


def run_openvino(path: Path, pixels: np.ndarray) -> list[np.ndarray]:
    """Runs an OpenVINO file."""
    openvino = optional("openvino", extra="openvino")
    # Processors that can would compute in half precision.
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", precise)
    # Sizes that layers compute are put out as well, as scalars.
    return [each for each in compiled(pixels).values() if each.ndim]


def run_litert(path: Path, pixels: np.ndarray) -> list[np.ndarray]:
    """Runs a LiteRT file with the interpreter that TensorFlow has."""
    return _interpreter(path, pixels)(pixels)


def _interpreter(path, pixels):
    """Returns a function that runs a LiteRT file on as many images."""
    with warnings.catch_warnings():
        # It names its successor, a package that nothing else here needs.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    (given,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(given["index"], pixels.shape)
    interpreter.allocate_tensors()
    details = interpreter.get_output_details()

    def run(images):
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return [interpreter.get_tensor(each["index"]) for each in details]

    return run


# The lightest there is: ONNX brings a reference in NumPy, which takes a second
# where its fast runtime would take a package more; OpenVINO and LiteRT come
# with the package that converts.
RUNTIMES: dict[str, Callable[[Path, np.ndarray], list[np.ndarray]]] = {
    "litert": run_litert,
    "onnx": run_onnx,
    "openvino": run_openvino,
}
