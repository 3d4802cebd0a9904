"""Runs converted models in the runtimes of their formats.

The lightest there is: ONNX brings a reference in NumPy, which takes a second
where its fast runtime would take a package more; OpenVINO and LiteRT come
with the package that converts.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from aet_keras._optional import optional


def run_onnx(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Runs an ONNX file."""
    reference = optional("onnx.reference", extra="onnx")
    session = reference.ReferenceEvaluator(str(path))
    (outputs,) = session.run(None, {session.input_names[0]: pixels})
    return outputs


def run_openvino(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Runs an OpenVINO file."""
    openvino = optional("openvino", extra="openvino")
    # Processors that can would compute in half precision.
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", precise)
    return compiled(pixels)[0]


def run_litert(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Runs a LiteRT file with the interpreter that TensorFlow has."""
    with warnings.catch_warnings():
        # It names its successor, a package that nothing else here needs.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    (given,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(given["index"], pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], pixels)
    interpreter.invoke()
    (made,) = interpreter.get_output_details()
    return interpreter.get_tensor(made["index"])


RUNTIMES: dict[str, Callable[[Path, np.ndarray], np.ndarray]] = {
    "litert": run_litert,
    "onnx": run_onnx,
    "openvino": run_openvino,
}
