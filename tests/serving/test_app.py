"""Does each path answer as TensorFlow Serving documents it?"""

import asyncio
import json
import types

import numpy as np
import pytest
import served_models
from served_models import CLASS_NAMES, encoded_image, noise_images

from aet_keras.serving import Limits, app
from aet_keras.serving.app import build_app
from aet_keras.serving.loaded_version import LoadedVersion
from aet_keras.serving.model_folder import ModelFolder


@pytest.fixture(scope="module")
def expected():
    """Returns the Keras model's own probabilities."""
    return np.asarray(
        served_models.classifier()(noise_images().astype("float32"))
    )


def rows(**more):
    return {"instances": noise_images().tolist(), **more}


def sentence(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    return response.json()["error"]


def test_rows_are_answered_in_rows(client, expected):
    response = client.post(json=rows())

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    predictions = response.json()["predictions"]
    assert [each["classes"] for each in predictions] == [list(CLASS_NAMES)] * 3
    found = [each["probabilities"] for each in predictions]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.1  # agreement says something


def test_columns_are_answered_in_columns(client, expected):
    response = client.post(json={"inputs": {"images": noise_images().tolist()}})

    outputs = response.json()["outputs"]
    assert set(outputs) == {"classes", "probabilities"}
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("indent", [None, 1])
def test_an_image_has_one_answer_however_it_is_written(indent, client):
    values = noise_images().tolist()
    body = json.dumps({"instances": values}, indent=indent)

    response = client.post(content=body)

    assert len(body) > 2000  # else it is not read with NumPy
    assert response.content == client.post(json=rows()).content


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": noise_images().tolist()},
        {"instances": [{"images": each.tolist()} for each in noise_images()]},
        rows(signature_name="serving_default"),
        rows(signature_name=""),
    ],
    ids=["bare column", "named rows", "named signature", "empty name"],
)
def test_other_forms_of_the_same_request(body, client, expected):
    answer = client.post(json=body).json()

    if "outputs" in answer:
        found = answer["outputs"]["probabilities"]
    else:
        found = [each["probabilities"] for each in answer["predictions"]]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_images_as_bytes(client, expected):
    instances = [encoded_image(each) for each in noise_images()]
    body = {"signature_name": "bytes", "instances": instances}

    predictions = client.post(json=body).json()["predictions"]

    found = [each["probabilities"] for each in predictions]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_output_has_no_name(client):
    body = rows(signature_name="embeddings")

    in_rows = client.post(json=body).json()["predictions"]
    body["inputs"] = body.pop("instances")
    in_columns = client.post(json=body).json()["outputs"]

    assert np.shape(in_rows) == (3, 4)
    assert in_rows == in_columns


def test_classify_gives_pairs_of_label_and_score(client, expected):
    examples = [{"image": encoded_image(each)} for each in noise_images()]
    body = {"signature_name": "classify", "examples": examples}

    results = client.post(":classify", json=body).json()["results"]

    assert [[label for label, _ in row] for row in results] == [
        list(CLASS_NAMES)
    ] * 3
    found = [[score for _, score in row] for row in results]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_classify_puts_the_context_into_each_example(client):
    image = {"image": encoded_image(noise_images()[0])}
    body = {"signature_name": "classify", "context": image, "examples": [{}]}

    results = client.post(":classify", json=body).json()["results"]

    assert len(results) == 1


def test_the_status_names_each_version(client):
    whole = {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }

    assert client.get().json() == whole
    assert client.get("/versions/1").json() == whole


def test_the_metadata_say_what_goes_in_and_out(client):
    answer = client.get("/metadata").json()

    assert answer["model_spec"] == {
        "name": "clothes",
        "signature_name": "",
        "version": "1",
    }
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    images = signatures["serving_default"]["inputs"]["images"]
    assert images["dtype"] == "DT_UINT8"
    sizes = [each["size"] for each in images["tensor_shape"]["dim"]]
    assert sizes == ["-1", "8", "8", "3"]
    assert client.get("/versions/1/metadata").json() == answer


def test_the_metadata_are_the_message_of_the_serving_api(client):
    apis = pytest.importorskip("tensorflow_serving.apis")
    from google.protobuf import json_format
    from tensorflow_serving.apis import get_model_metadata_pb2

    assert apis
    signatures = client.get("/metadata").json()["metadata"]["signature_def"]
    message = get_model_metadata_pb2.SignatureDefMap()

    json_format.ParseDict(signatures, message)

    assert "serving_default" in message.signature_def


def test_a_version_can_be_asked_by_its_number(client):
    assert client.post("/versions/1:predict", json=rows()).status_code == 200


LATEST = "Servable not found for request: Latest(hats)"
SPECIFIC = "Servable not found for request: Specific(clothes, 7)"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/models/hats:predict", 404, LATEST),
        ("/v1/models/hats:classify", 404, LATEST),
        ("/v1/models/clothes/versions/7:predict", 404, SPECIFIC),
        ("/v1/models/clothes/labels/best:predict", 400, "label: best"),
        (f"/v1/models/clothes/versions/{2**63}:predict", 400, "to numeric"),
        ("/v1/models/clothes/versions/x:predict", 400, "Malformed request"),
        ("/v1/models/clothes:regress", 400, "takes no examples"),
        ("/v1/models/clothes:train", 400, "Malformed request: POST"),
        ("/v1/models/clothes", 400, "Malformed request: POST"),
        ("/v1/models/clothes:predict/", 400, "Malformed request: POST"),
        ("/elsewhere", 400, "Malformed request: POST /elsewhere"),
    ],
)
def test_a_wrong_path_to_ask_at(path, status, words, client):
    (response,) = client.all([("POST", path, {"json": rows()})])

    assert words in sentence(response, status)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/models/hats", 404, "Could not find any versions of model hats"),
        ("/v1/models/clothes/versions/7", 404, "version 7 of model clothes"),
        ("/v1/models/clothes/labels/best", 400, "label: best"),
        ("/v1/models/hats/metadata", 404, LATEST),
        ("/v1/models/clothes/versions/7/metadata", 404, SPECIFIC),
        ("/v1/models/clothes:predict", 400, "Malformed request: GET"),
        ("/v1/models", 400, "Malformed request: GET /v1/models"),
        ("/v1/models/", 400, "Malformed request"),
    ],
)
def test_a_wrong_path_to_look_at(path, status, words, client):
    (response,) = client.all([("GET", path, {})])

    assert words in sentence(response, status)


def test_more_rows_than_allowed_are_refused(shared):
    app = build_app(shared, limits=Limits(rows=2))

    response = served_models.Client(app).post(json=rows())

    assert "at most 2 examples. Received: 3" in sentence(response, 400)


def test_clients_give_way_while_a_version_loads(home, versions, monkeypatch):
    served_models.copy_version(versions[0], home, 1)
    folder = ModelFolder(home)
    asker = served_models.Client(build_app(folder))
    true, answers, waits = LoadedVersion.warm_up, [], []

    async def sleep(seconds):
        waits.append(seconds)

    def warm_up(self, names=None):
        answers.append(asker.post(json=rows()))
        true(self, names)

    theirs = {**vars(asyncio), "sleep": sleep}
    monkeypatch.setattr(app, "asyncio", types.SimpleNamespace(**theirs))
    monkeypatch.setattr(LoadedVersion, "warm_up", warm_up)
    served_models.copy_version(versions[1], home, 2)
    folder.refresh()

    loading, loaded = answers
    assert waits == [0.1]  # the second call of the new version waits for none
    for response, names in (
        (loading, CLASS_NAMES),
        (loaded, ("cap", "vest", "boot")),
    ):
        predictions = response.json()["predictions"]
        assert predictions[0]["classes"] == list(names)
