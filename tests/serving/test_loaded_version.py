"""Does a loaded version take and give arrays, from whatever was exported?"""

import numpy as np
import pytest
import served_models
import tensorflow as tf
from served_models import noise_images

from aet_keras.errors import ExportError
from aet_keras.serving import load_version


def test_every_signature_can_be_called_once(versions):
    version = load_version(versions[0])

    version.warm_up()

    assert "serving_default" in version.signatures
    assert version.description.keys() >= version.signatures.keys()
    assert version.number == 0


def test_it_knows_what_it_was_asked_for(versions):
    version = load_version(versions[0])
    version.warm_up(["bytes"])
    assert version.asked == frozenset()

    version.call("serving_default", {"images": noise_images()})

    assert version.asked == {"serving_default"}


def test_the_answer_is_the_models(versions):
    expected = served_models.classifier()(noise_images().astype("float32"))

    outputs = load_version(versions[0]).call(
        "serving_default", {"images": noise_images()}
    )

    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_place_without_a_model_is_refused(name, tmp_path):
    with pytest.raises(ExportError, match="Name a version: saved_models"):
        load_version(tmp_path / name)


class Plain(tf.Module):
    """Sums a vector and a number; knows no batch, and has no manifest."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([2, 3], tf.float32, name="left"),
            tf.TensorSpec([], tf.int64, name="right"),
        ]
    )
    def add(self, left, right):
        return {"sum": left + tf.cast(right, tf.float32)}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Returns an export that no classifier wrote."""
    path = tmp_path_factory.mktemp("plain") / "1"
    module = Plain()
    tf.saved_model.save(module, str(path), signatures={"add": module.add})
    return path


def test_a_signature_without_a_batch_is_called_as_it_is(plain):
    version = load_version(plain)
    version.warm_up()

    outputs = version.call(
        "add", {"left": np.ones((2, 3), "float32"), "right": np.int64(2)}
    )

    assert not version.signatures["add"].is_batched
    assert outputs["sum"].tolist() == [[3, 3, 3], [3, 3, 3]]


def test_a_signature_without_a_batch_is_asked_in_columns(plain):
    from aet_keras.serving.app import build_app
    from aet_keras.serving.model_folder import ModelFolder

    client = served_models.Client(
        build_app(ModelFolder(plain.parent)), f"/v1/models/{plain.parent.name}"
    )
    body = {"inputs": {"left": [[1, 2, 3]] * 2, "right": 1}}

    answer = client.post(json={"signature_name": "add", **body})

    assert answer.json() == {"outputs": [[2, 3, 4]] * 2}
