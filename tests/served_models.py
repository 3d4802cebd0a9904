"""Published versions that the tests of serving share, and a client."""

import asyncio
import base64
import io
import os
import shutil
import uuid

import httpx
import keras
import numpy as np
from PIL import Image

import aet_keras

CLASS_NAMES = ("hat", "shirt", "shoe")


def classifier():
    """Returns a tiny classifier whose outputs are anything but uniform."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([8 * kernel, bias])
    return model


def noise_images(count=3):
    """Returns seeded images of unlike brightness and colour."""
    random = np.random.default_rng(0)
    peaks = random.integers(20, 256, (count, 1, 1, 3))
    return (random.random((count, 8, 8, 3)) * peaks).astype("uint8")


def write_version(directory, names=CLASS_NAMES):
    """Writes the classifier as a version."""
    aet_keras.export.write_image_model(
        classifier(), directory, class_names=names
    )


def copy_version(version, folder, number):
    """Publishes a copy of a version under a number, as `publish` would."""
    aside = folder / f".aside-{uuid.uuid4().hex}"
    shutil.copytree(version, aside)
    os.rename(aside, folder / str(number))


def encoded_image(image, kind="PNG"):
    """Returns an image as `{"b64": "..."}`."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return {"b64": base64.b64encode(file.getvalue()).decode()}


class Client:
    """Asks an application in this process.

    Args:
        app: an ASGI application.
        path: str. What stands before each path asked for.
    """

    def __init__(self, app, path="/v1/models/clothes"):
        self.app, self.path = app, path

    def get(self, path=""):
        """Returns the response to a GET."""
        return self.all([("GET", self.path + path, {})])[0]

    def post(self, path=":predict", **content):
        """Returns the response to a POST of `json=` or `content=`."""
        return self.all([("POST", self.path + path, content)])[0]

    def all(self, requests, at_once=1):
        """Returns the responses to (method, path, content), in order."""
        return asyncio.run(self._all(requests, at_once))

    async def _all(self, requests, at_once):
        gate = asyncio.Semaphore(at_once)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://here", timeout=60
        ) as client:

            async def ask(method, path, content):
                async with gate:
                    return await client.request(method, path, **content)

            return await asyncio.gather(*(ask(*each) for each in requests))
