"""How does a trained model answer over HTTP, and how is it taken back?

A version is published, served by the embedded server, and asked as any client
would ask TensorFlow Serving; a second version takes over while it runs, and
is taken back again.

    python examples/07_serve_a_model.py

Takes about 1 minute on 2 cores and ends with "served by version 1, 2, 1". For
TensorFlow Serving itself, `aet-keras export saved_models/NAME` writes a
docker-compose.yml and two clients. On the command line the rest is
`aet-keras serve saved_models/NAME --port 8501`.
"""

import argparse
import base64
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from PIL import Image

from aet_keras import callbacks, data, export, publishing, tasks

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
image_size = (32, 32)
epochs = 0 if args.smoke else 8
wait_seconds = 120

digits = data.read_digits(image_size=image_size)
class_names = digits.specification.class_names
model = tasks.build_image_classifier(
    class_count=len(class_names), image_size=image_size
)
model.compile("adam", "sparse_categorical_crossentropy")
if epochs:
    model.fit(
        data.make_batches(digits.train, batch_size=32, shuffle_seed=0),
        validation_data=data.make_batches(digits.validation, batch_size=128),
        epochs=epochs,
        verbose=2,
        callbacks=[callbacks.ElasticFreezing()],
    )


def write(directory):
    """Fills one version, which appears in the folder when it is whole."""
    export.write_image_model(model, directory, class_names=class_names)


def ask(url, content=None):
    """Sends JSON, or nothing, and returns the JSON that comes back."""
    body = None if content is None else json.dumps(content).encode()
    with urllib.request.urlopen(url, body, timeout=30) as answer:
        return json.load(answer)


def serving(url):
    """Returns which version answers."""
    states = ask(url)["model_version_status"]
    found = [int(s["version"]) for s in states if s["state"] == "AVAILABLE"]
    return max(found)


def wait_for(url, version):
    """Waits until a version is the one that answers."""
    end = time.monotonic() + wait_seconds
    while serving(url) != version:
        if time.monotonic() > end:
            sys.exit(f"version {version} was not served in {wait_seconds} s")
        time.sleep(0.1)
    return version


with tempfile.TemporaryDirectory() as root:
    folder = pathlib.Path(root, "digits")
    publishing.publish(folder, write)
    server = subprocess.Popen(
        [sys.executable, "-m", "aet_keras.cli", "serve", str(folder)]
        + ["--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = next(line for line in server.stdout if "Ready: " in line)
        url = ready.partition("Ready: ")[2].strip()
        seen = [wait_for(url, 1)]

        png = io.BytesIO()
        Image.fromarray(digits.test.inputs[0].astype("uint8")).save(png, "PNG")
        image = {"b64": base64.b64encode(png.getvalue()).decode()}
        request = {"signature_name": "bytes", "instances": [image]}
        (row,) = ask(f"{url}:predict", request)["predictions"]
        scores = dict(zip(row["classes"], row["probabilities"], strict=True))
        named = max(scores, key=scores.get)
        print(f"the first test image is called {named}, {scores[named]:.1%};")
        print(f"it is {class_names[digits.test.labels[0]]}")

        publishing.publish(folder, write)
        seen.append(wait_for(url, 2))
        publishing.roll_back(folder)
        seen.append(wait_for(url, 1))
    finally:
        server.terminate()
        server.wait(timeout=60)
print(f"served by version {', '.join(map(str, seen))}")
