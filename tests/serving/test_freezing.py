"""Does a signature with constant weights answer as it did, or stay?"""

import numpy as np
import pytest
import served_models
import tensorflow as tf
from served_models import encoded_image, noise_images

from aet_keras.serving import _freezing, load_version
from aet_keras.serving._refusals import refusal
from aet_keras.serving._tensors import from_binary
from aet_keras.serving.model_folder import ModelFolder


def ask(version, name):
    """Marks a signature as one that clients use."""
    version.signatures[name].was_asked = True


@pytest.fixture(scope="module")
def faster(quick_versions):
    """Returns a version, and the same with each signature made faster."""
    loaded, faster = map(load_version, [quick_versions[0]] * 2)
    for name in faster.signatures:
        ask(faster, name)
        assert faster.speed_up() is None
    return loaded, faster


def test_it_answers_as_the_model_does(faster):
    expected = served_models.classifier()(noise_images().astype("float32"))
    images = [from_binary(encoded_image(each)) for each in noise_images()]

    for name, arrays in (
        ("serving_default", {"images": noise_images()}),
        ("bytes", {"image_bytes": np.array(images, object)}),
    ):
        loaded, found = (each.call(name, arrays) for each in faster)
        np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
        np.testing.assert_array_equal(found["classes"], loaded["classes"])


def test_it_needs_no_weights(faster):
    loaded, faster = faster
    session = faster.freezing.frozen

    kinds = [each.type for each in session.graph.get_operations()]

    assert kinds.count("VarHandleOp") <= 1  # where a file of names lies
    assert faster.freezing.session is None
    for name, each in faster.signatures.items():
        assert each.call is not loaded.signatures[name].call


def test_each_signature_refuses_with_the_same_sentence(faster):
    refused = 0
    for name in faster[0].signatures:
        for arrays in faster[0].signatures[name].probes():
            said = []
            for version in faster:
                try:
                    version.signatures[name].run(arrays)
                except tf.errors.OpError as error:
                    said.append(refusal(error).sentence)
            assert len(said) in (0, 2) and len(set(said)) <= 1
            assert not any("[[" in each or "  " in each for each in said)
            refused += len(said)
    assert refused > 10


class Counting(tf.Module):
    """Counts its calls."""

    def __init__(self):
        self.count = tf.Variable(0.0)
        self.table = tf.Variable([[1.0, 2.0], [3.0, 4.0]])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="x")])
    def add(self, x):
        return {"sum": tf.cast(x, tf.float32) + self.count.assign_add(1.0)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="x")])
    def find(self, x):
        return {
            "row": tf.gather(self.table, x)
            + tf.matmul([[1.0, 1.0]], self.table)
        }


def save(path, *names):
    module = Counting()
    functions = {name: getattr(module, name) for name in names}
    tf.saved_model.save(module, str(path), signatures=functions)
    return load_version(path)


def test_a_signature_that_writes_stays_and_is_not_tried(tmp_path):
    version = save(tmp_path / "1", "add", "find")
    ask(version, "add")

    name, why = version.speed_up()

    assert name == "add" and "writes" in why
    found = version.call("add", {"x": np.int32([0])})
    assert found["sum"] == [1]  # a probe would have counted
    assert version.speed_up() is None  # it is not tried again
    ask(version, "find")
    assert version.speed_up()[0] == "find"


def test_rows_of_a_weight_are_found_in_either_case(tmp_path):
    version = save(tmp_path / "1", "find")
    ask(version, "find")

    version.speed_up()

    found = version.call("find", {"x": np.int32([1, 0])})
    assert found["row"].tolist() == [[7, 10], [5, 8]]


def test_large_weights_are_not_copied(quick_versions, monkeypatch):
    monkeypatch.setattr(_freezing, "MOST_BYTES", 100)
    version = load_version(quick_versions[0])
    before = version.signatures["embeddings"].call
    ask(version, "embeddings")

    name, why = version.speed_up()

    assert name == "embeddings"
    assert "copies of at most 100 are made" in why
    assert version.signatures["embeddings"].call is before


@pytest.mark.parametrize("change", [1e-4, np.nan])
def test_what_answers_otherwise_is_not_taken(
    change, quick_versions, monkeypatch
):
    version = load_version(quick_versions[0])
    signature = version.signatures["embeddings"]
    before = signature.call

    def call(*arrays):
        return {k: v * (1 + change) for k, v in before(*arrays).items()}

    monkeypatch.setattr(signature, "bind", lambda session: call)
    ask(version, "embeddings")

    name, why = version.speed_up()

    assert "would have other values" in why
    assert signature.call is before


def test_a_served_version_makes_faster_what_is_asked(quick_versions, home):
    served_models.copy_version(quick_versions[0], home, 1)
    said = []
    folder = ModelFolder(home, say=said.append)
    signatures = folder.current.signatures
    before = {name: each.call for name, each in signatures.items()}

    folder.current.call("embeddings", {"images": noise_images()})
    folder.speed_up()

    changed = {k for k, each in signatures.items() if each.call != before[k]}
    assert changed == {"embeddings"}
    assert said == ["clothes: version 1 is served."]


def test_a_served_version_says_what_stays(quick_versions, home, monkeypatch):
    monkeypatch.setattr(_freezing, "MOST_BYTES", 100)
    served_models.copy_version(quick_versions[0], home, 1)
    said = []
    folder = ModelFolder(home, say=said.append)

    folder.current.call("embeddings", {"images": noise_images()})
    for _ in range(2):
        folder.speed_up()

    assert "`embeddings` of version 1 runs as it was loaded" in said[-1]
    assert len(said) == 2
