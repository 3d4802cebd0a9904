"""Does the loader that TensorFlow Serving is built on say the same?

What it does not cover is the server around it: watching for versions,
batching, REST and gRPC.
"""

import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

SOURCE = pathlib.Path(__file__).with_name("loader.c")
INPUTS = {
    "serving_default": ("images", "probabilities"),
    "bytes": ("image_bytes", "probabilities"),
    "classify": ("inputs", "scores"),
    "embeddings": ("images", "embeddings"),
}


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    """Returns the compiled program."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler `cc` to build the loader with")
    folder = tmp_path_factory.mktemp("loader")

    def compile_(*arguments):
        subprocess.run([compiler, *map(str, arguments)], check=True)

    # To link to the library itself, of 1 GB, takes eight seconds: the linker
    # is shown an empty one of that name, and the real one is run.
    names = sorted(set(re.findall(r"\bTF_[A-Z]\w+(?=\()", SOURCE.read_text())))
    stub = folder / "stub.c"
    stub.write_text("".join(f"void {name}(void) {{}}\n" for name in names))
    library, real = folder / "libtensorflow_cc.so.2", tf.sysconfig.get_lib()
    soname = f"-Wl,-soname,{library.name}"
    compile_("-shared", "-fPIC", stub, "-o", library, soname)
    program = folder / "loader"
    headers = f"-I{tf.sysconfig.get_include()}"
    compile_(SOURCE, "-o", program, headers, library, f"-Wl,-rpath,{real}")
    return program


def tensors(path):
    """Returns the names of input and output of each signature."""
    program = saved_model_pb2.SavedModel()
    program.ParseFromString((path / "saved_model.pb").read_bytes())
    signatures = program.meta_graphs[0].signature_def
    return {
        name: (signatures[name].inputs[given], signatures[name].outputs[made])
        for name, (given, made) in INPUTS.items()
    }


def requests(exported, folder):
    """Yields a line for each signature, all images in one batch."""
    pixels, pngs, examples = folder / "pixels", [], []
    pixels.write_bytes(exported.images.tobytes())
    for row, image in enumerate(exported.images):
        pngs.append(folder / f"{row}.png")
        pngs[-1].write_bytes(tf.io.encode_png(image).numpy())
        example = tf.train.Example()
        value = example.features.feature["image"].bytes_list.value
        value.append(pngs[-1].read_bytes())
        examples.append(folder / f"{row}.example")
        examples[-1].write_bytes(example.SerializeToString())
    shape = " ".join(map(str, exported.images.shape))
    images = f"uint8 {shape} {pixels}"
    files = {"bytes": pngs, "classify": examples}
    for name, (given, made) in tensors(exported.path).items():
        value = " ".join(["string", *map(str, files.get(name, ()))])
        value = value if name in files else images
        yield f"{given.name} {made.name} {value}"


def test_every_signature_says_what_keras_says(loader, exported, tmp_path):
    lines = list(requests(exported, tmp_path))

    done = subprocess.run(
        [loader, exported.path],
        input="\n".join(lines),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert np.ptp(exported.expected, axis=0).max() > 0.5  # not uniform
    for name, line in zip(INPUTS, done.stdout.splitlines(), strict=True):
        expected = exported.expected
        if name == "embeddings":
            expected = exported.embeddings
        said = np.array(line.split(), "float32").reshape(expected.shape)
        np.testing.assert_allclose(said, expected, atol=1e-5, err_msg=name)


def test_an_image_that_cannot_be_read_is_an_error_not_a_crash(
    loader, exported, tmp_path
):
    (tmp_path / "half.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    given, made = tensors(exported.path)["bytes"]

    done = subprocess.run(
        [loader, exported.path],
        input=f"{given.name} {made.name} string {tmp_path / 'half.png'}",
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "running: " in done.stderr and "PNG" in done.stderr
