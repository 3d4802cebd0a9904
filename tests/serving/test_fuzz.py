"""Does the server live through a thousand bodies that nobody meant?"""

import json
import random
import time

import numpy as np
import pytest
from served_models import classifier, encoded_image, noise_images

COUNT = 1000
SECONDS = 8
VALUES = (None, True, 0, -1, 255, 256, 1.5, "", "text", [], {}, [[]], 1e400)


def good_bodies():
    """Returns one good body for each way to ask."""
    image = noise_images(1)[0]
    encoded = encoded_image(image)
    return [
        (":predict", {"instances": [image.tolist()]}),
        (":predict", {"inputs": {"images": [image.tolist()]}}),
        (":predict", {"signature_name": "bytes", "instances": [encoded]}),
        (
            ":classify",
            {"signature_name": "classify", "examples": [{"image": encoded}]},
        ),
    ]


def spoil_text(text, dice):
    """Returns bytes with a few of them changed, doubled or left out."""
    body = bytearray(text.encode())
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(body))
        end = at + dice.choice((1, 1, 9, len(body)))
        body[at:end] = dice.choice(
            (b"", b"\xff", b"[", b"]", b"{", b"\x00", b"NaN", body[at:end] * 2)
        )
        if not body:
            break
    return bytes(body)


def spoil_value(value, dice):
    """Returns the value with something in it put in the place of a part."""
    if dice.random() < 0.2 or not isinstance(value, dict | list) or not value:
        return dice.choice(VALUES)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = dice.choice(keys)
    copy = dict(value) if isinstance(value, dict) else list(value)
    if dice.random() < 0.15:
        del copy[key]
    else:
        copy[key] = spoil_value(copy[key], dice)
    return copy


def bodies(dice):
    """Yields (path, body) without an end."""
    good = good_bodies()
    while True:
        path, value = dice.choice(good)
        if dice.random() < 0.5:
            yield path, spoil_text(json.dumps(value), dice)
        else:
            yield path, json.dumps(spoil_value(value, dice)).encode()


@pytest.mark.slow
def test_the_server_lives_and_still_answers_right(client):
    dice, made = random.Random(0), bodies(random.Random(1))
    begun, seen = time.monotonic(), {}

    while sum(seen.values()) < COUNT and time.monotonic() - begun < SECONDS:
        batch = [next(made) for _ in range(100)]
        verb = [dice.choice((path, ":predict")) for path, _ in batch]
        responses = client.all(
            [
                ("POST", client.path + path, {"content": body})
                for path, (_, body) in zip(verb, batch, strict=True)
            ],
            at_once=8,
        )
        for response in responses:
            seen[response.status_code] = seen.get(response.status_code, 0) + 1
            assert response.is_success or response.json()["error"]

    assert set(seen) <= {200, 400}
    assert sum(seen.values()) >= 500
    answer = client.post(json={"instances": noise_images().tolist()}).json()
    found = [each["probabilities"] for each in answer["predictions"]]
    expected = classifier()(noise_images().astype("float32"))
    np.testing.assert_allclose(found, expected, atol=1e-5)
