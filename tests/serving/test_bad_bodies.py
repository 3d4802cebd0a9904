"""Is a body that does not fit refused with a sentence that says why?"""

import json

import pytest
from served_models import encoded_image, noise_images

IMAGE = noise_images(1)[0].tolist()
DEEP = "[" * 100_000


def refused(client, content, path=":predict"):
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    response = client.post(path, content=content)
    assert response.status_code == 400, response.text
    assert list(response.json()) == ["error"]
    return response.json()["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "The document is empty"),
        ("instances = [1]", "JSON Parse error"),
        ('{"instances": [', "JSON Parse error"),
        (b"\xff\xfe\x00", "JSON Parse error"),
        ('{"instances": ' + DEEP, "nested too deep"),
        ('{"instances": [' + "9" * 5000 + "]}", "JSON Parse error"),
        ([1, 2], "is not an object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"inputs": 1, "instances": 1}, "only one of"),
        ({"instances": []}, "must not be empty"),
        ({"instances": 3}, "must be a list"),
        ({"instances": None}, "must be a list"),
        ({"instances": [IMAGE], "signature_name": 7}, "must be a string"),
        ({"instances": [IMAGE], "signature_name": "x"}, "There are: "),
    ],
)
def test_a_body_that_is_no_request(body, words, client):
    assert words in refused(client, body)


@pytest.mark.parametrize(
    ("instances", "words"),
    [
        ([1, 2, 3], "must have shape (any, 8, 8, 3), dtype uint8"),
        (IMAGE, "Received: shape (8, 8, 3)"),
        ([IMAGE, IMAGE[:4]], "nested alike"),
        ([[[[1, 2, 3], [1, 2]]]], "nested alike"),
        ([[[[1, 2, [3]]]]], "nested alike"),
        ([[]], "Received: shape (1, 0)"),
        ([{"pixels": IMAGE}], "the keys `images`"),
        ([IMAGE, {"images": IMAGE}], "element: 0"),
        ([{"images": IMAGE}, IMAGE], "element: 1"),
        ([{"images": IMAGE, "more": 1}], "the keys `images`"),
    ],
)
def test_instances_of_another_shape(instances, words, client):
    assert words in refused(client, {"instances": instances})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1.5", "JSON Value: 1.5 is not of expected type: uint8"),
        ("1.0", "not of expected type: uint8"),
        ("NaN", "JSON Value: nan is not of expected type: uint8"),
        ("Infinity", "not of expected type: uint8"),
        ("300", "goes from 0 to 255"),
        ("-1", "goes from 0 to 255"),
        ("9" * 400, "goes from 0 to 255"),
        ("true", "It is a bool"),
        ("null", "It is null"),
        ('"7"', "It is a string"),
        ('{"b64": "AAAA"}', "It is an object"),
    ],
)
def test_one_value_of_another_kind(value, words, client):
    pixels = noise_images(1).tolist()
    pixels[0][7][7][2] = "here"
    body = json.dumps({"instances": pixels}).replace('"here"', value)

    assert words in refused(client, body)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"b64": "no base64!"}, "must be base64"),
        ({"b64": "A"}, "must be base64"),
        ({"b64": 7}, "the keys `image_bytes`"),
        ({"b64": ""}, "JPEG or PNG"),
        ("text", "JPEG or PNG"),
        ({"b64": encoded_image(noise_images(1)[0])["b64"][:80]}, "PNG"),
        (
            {"b64": encoded_image(noise_images(1)[0], "JPEG")["b64"][:400]},
            "JPEG",
        ),
        ("\ud800", "is no text"),
        (7, "not of expected type: string"),
        ([encoded_image(noise_images(1)[0])], "must have shape (any)"),
    ],
)
def test_bytes_that_are_no_image(value, words, client):
    body = {"signature_name": "bytes", "instances": [value]}

    assert words in refused(client, body)


@pytest.mark.parametrize("missing", [{"inputs": {}}, {"inputs": {"x": 1}}])
def test_an_input_that_is_missing(missing, client):
    assert "Missing named input: images" in refused(client, missing)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "key 'examples' is expected"),
        ({"examples": []}, "not empty"),
        ({"examples": {}}, "not empty"),
        ({"examples": [3]}, "must be JSON object"),
        ({"examples": [{}], "context": 3}, "must be JSON object"),
        ({"examples": [{"image": None}]}, "unexpected JSON type"),
        ({"examples": [{"image": [[1]]}]}, "unexpected JSON type"),
        ({"examples": [{"image": ["a", 1]}]}, "unexpected JSON type"),
        ({"examples": [{"image": 2**64}]}, "unexpected JSON type"),
        ({"examples": [{"image": "\ud800"}]}, "unexpected JSON type"),
        ({"examples": [{"\ud800": "a"}]}, "Example cannot be made"),
        ({"examples": [{"image": {"b64": "!"}}]}, "must be base64"),
        ({"examples": [{"image": "text"}]}, "JPEG or PNG"),
        ({"examples": [{"image": 1.5}]}, "image"),
        ({"examples": [{}]}, "image"),
    ],
)
def test_examples_that_are_none(body, words, client):
    body = {"signature_name": "classify", **body}

    assert words in refused(client, body, ":classify")


def test_classify_needs_a_signature_of_examples(client):
    said = refused(client, {"examples": [{"a": 1}]}, ":classify")

    assert "takes no examples" in said
    assert "Name another one in `signature_name`" in said


def test_bytes_that_are_no_example_can_be_quoted(client):
    body = {
        "signature_name": "classify",
        "inputs": [encoded_image(noise_images(1)[0])],
    }

    assert "Could not parse example" in refused(client, body)
