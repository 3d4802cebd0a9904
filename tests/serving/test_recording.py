"""Is what is asked kept as it was, with its id, and nothing else?"""

import numpy as np
import pytest
import served_models
import tensorflow as tf
from recorded_requests import NOON, VERSION, Kept
from served_models import encoded_image, noise_images

from aet_keras.data.recorded_rows import read_recorded_rows
from aet_keras.serving.app import build_app
from aet_keras.serving.loaded_version import LoadedVersion


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "requests")


def asked(client, path=":predict", **content):
    response = client.post(path, **content)
    assert response.status_code == 200, response.text
    return response


@pytest.fixture
def ask(shared, kept):
    """Returns a function that asks with a recorder, and gives back rows."""

    def ask(path, body, headers=None, **settings):
        recorder = kept.recorder("clothes", **settings)
        recorder.warm_up(shared.current)
        client = served_models.Client(build_app(shared, record=recorder.offer))
        response = asked(client, path, json=body, headers=headers)
        recorder.close()
        rows = read_recorded_rows(kept.folder)
        return response, sorted(rows, key=lambda row: row.id)

    return ask


def test_rows_are_kept_as_they_were_asked(ask):
    body = {"instances": noise_images().tolist()}

    response, rows = ask(":predict", body, headers={"x-request-id": "mine:7"})

    assert response.headers["x-request-id"] == "mine:7"
    assert [row.id for row in rows] == ["mine:7-0", "mine:7-1", "mine:7-2"]
    for row, image, answer in zip(
        rows, noise_images(), response.json()["predictions"], strict=True
    ):
        np.testing.assert_array_equal(row.inputs["images"], image)
        assert list(row.outputs) == ["probabilities"]
        np.testing.assert_allclose(
            row.outputs["probabilities"], answer["probabilities"], rtol=1e-6
        )
        assert (row.version, row.time) == (1, NOON)


def test_encoded_images_are_kept_as_their_files(ask):
    encoded = encoded_image(noise_images()[0])
    body = {"signature_name": "bytes", "instances": [encoded]}

    _, (row,) = ask(":predict", body)

    assert row.inputs["image_bytes"].startswith(b"\x89PNG")


def examples(encoded):
    return {"signature_name": "classify", "examples": [{"image": encoded}]}


def test_examples_to_classify_are_kept_as_predict_would_have_them(ask):
    encoded = encoded_image(noise_images()[0])

    response, (row,) = ask(":classify", examples(encoded))

    assert row.inputs["image_bytes"].startswith(b"\x89PNG")
    ((_, score), *_) = response.json()["results"][0]
    assert row.outputs["probabilities"][0] == pytest.approx(score)


@pytest.mark.parametrize("path", [":predict", ":classify"])
def test_outputs_hold_embeddings_and_no_inputs(path, ask, shared, kept):
    image = noise_images()[:1]
    encoded = encoded_image(image[0])
    body = {"instances": image.tolist()}
    if path == ":classify":
        body = examples(encoded)

    _, (row,) = ask(path, body, keeps="outputs")

    assert row.inputs is None
    expected = shared.current.call("embeddings", {"images": image})
    np.testing.assert_allclose(
        row.outputs["embeddings"], expected["embeddings"][0], atol=1e-6
    )
    files = [f.read_bytes() for f in kept.folder.rglob("*.row")]
    assert files and not any(image.tobytes() in each for each in files)


@pytest.mark.parametrize(
    ("verb", "signature", "output"),
    [("predict", "bytes", "values"), ("regress", "regress", "outputs")],
)
def test_numbers_of_images_are_kept_whatever_asks_for_them(
    kept, verb, signature, output
):
    image = tf.io.encode_png(noise_images()[0]).numpy()
    given = {"image_bytes": np.array([image], object)}
    if verb == "regress":
        value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
        features = tf.train.Features(feature={"image": value})
        example = tf.train.Example(features=features).SerializeToString()
        given = {"inputs": np.array([example], object)}

    recorder = kept.recorder()
    number = {output: np.array([7.5], "float32")}
    recorder.offer("a", verb, signature, VERSION, given, number)
    recorder.close()

    (row,) = read_recorded_rows(kept.folder)
    assert row.inputs == {"image_bytes": image}
    assert row.outputs["values"] == 7.5


def test_what_asks_for_embeddings_is_not_kept(ask):
    body = {
        "signature_name": "embeddings",
        "instances": noise_images().tolist(),
    }

    _, rows = ask(":predict", body)

    assert rows == []


def test_cells_of_a_table_are_texts_and_numbers(kept):
    cells = {
        "age": np.array([31, np.nan], "float32"),
        "job": np.array(["é".encode(), b"\xff"], object),
    }

    kept.offer("a", inputs=cells)

    one, other = read_recorded_rows(kept.folder)
    assert one.inputs == {"age": 31.0, "job": "é"}
    assert np.isnan(other.inputs["age"]) and other.inputs["job"] == b"\xff"


@pytest.mark.parametrize("kind", ["table", "item"])
def test_an_example_of_a_table_has_all_of_its_columns(kept, kind):
    def spec(dtype):
        return tf.TensorSpec((None,), dtype)

    specs = {name: spec(tf.float32) for name in ("age", "income")}
    files = {"image": spec(tf.string)} if kind == "item" else {}
    inputs = specs | {"job": spec(tf.string)} | files
    signature = type("S", (), {"inputs": inputs})()
    version = LoadedVersion(
        *(3, {"serving_default": signature}, {}),
        cells=frozenset({*specs, "job"}),
        kind=kind,
    )
    numbers = tf.train.Feature(float_list=tf.train.FloatList(value=[31]))
    given = {"age": numbers}
    if kind == "item":
        png = tf.train.BytesList(value=[b"\x89PNG"])
        given["image"] = tf.train.Feature(bytes_list=png)
    features = tf.train.Features(feature=given)
    example = tf.train.Example(features=features).SerializeToString()

    recorder = kept.recorder()
    recorder.offer(
        "a",
        "classify",
        "classify",
        version,
        {"inputs": np.array([example], object)},
        {"scores": np.ones((1, 2))},
    )
    recorder.close()

    (row,) = read_recorded_rows(kept.folder)
    assert row.inputs["age"] == 31.0 and row.inputs["job"] == ""
    assert np.isnan(row.inputs["income"])
    assert row.inputs.get("image") == (b"\x89PNG" if kind == "item" else None)


@pytest.mark.parametrize(
    "given",
    ["", "with space", "a,b", "=1+1", "x" * 129, "é", 'a"b'],
    ids=["none", "space", "comma", "formula", "long", "accent", "quote"],
)
def test_an_id_that_a_csv_file_would_not_hold_is_replaced(given, client):
    headers = {"x-request-id": given.encode()}

    response = asked(client, json=_one_image(), headers=headers)

    found = response.headers["x-request-id"]
    assert len(found) == 32 and int(found, 16)


def _one_image():
    return {"instances": noise_images(1).tolist()}


def test_refusals_have_the_id_and_the_body_is_what_it_was(client, ask):
    headers = {"x-request-id": "a"}

    refused = client.post(json={}, headers=headers)
    recorded, _ = ask(":predict", _one_image(), headers=headers)

    assert refused.status_code == 400
    assert refused.headers["x-request-id"] == "a"
    assert recorded.content == asked(client, json=_one_image()).content
