"""Do the limits hold, in memory, time and number?"""

import asyncio
import threading

import pytest
import served_models
from served_models import noise_images

from aet_keras.serving import Limits
from aet_keras.serving.app import build_app

BODY = {"instances": noise_images(1).tolist()}


class Stalled:
    """Stands for a `ModelFolder` whose version answers when told to."""

    name, is_loading = "clothes", False

    def __init__(self, folder):
        self.inner = folder.current
        self.number, self.signatures = 1, self.inner.signatures
        self.cells = self.inner.cells
        self.current, self.statuses = self, {}
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def call(self, name, arrays):
        self.begun.release()
        assert self.go.wait(20)
        return self.inner.call(name, arrays)


@pytest.fixture
def stalled(shared):
    """Returns a folder that answers when its `go` is set; sets it last."""
    folder = Stalled(shared)
    yield folder
    folder.go.set()


def client(folder, **limits):
    return served_models.Client(build_app(folder, limits=Limits(**limits)))


def telling_of_503(app, refused):
    """Returns an application that releases a semaphore with each refusal."""

    async def tell(scope, receive, send):
        async def pass_on(message):
            if message.get("status") == 503:
                refused.release()
            await send(message)

        await app(scope, receive, pass_on)

    return tell


def receive_from(body, taken):
    """Returns what hands an application a body, piece by piece."""
    pieces = iter(body)

    async def receive():
        taken.append(next(pieces))
        return {"type": "http.request", "body": taken[-1], "more_body": True}

    return receive


def ask(app, receive, headers=()):
    """Calls an application bare; returns the status it answers with."""
    sent = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/models/clothes:predict",
        "query_string": b"",
        "headers": list(headers),
    }

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"]


def test_a_body_that_grows_too_long_is_not_read_to_its_end(shared):
    taken = []
    app = build_app(shared, limits=Limits(body_bytes=5000))

    status = ask(app, receive_from([b" " * 1000] * 99, taken))

    assert status == 413
    assert len(taken) == 6


def test_a_body_that_says_its_length_is_not_even_begun(shared):
    taken = []
    app = build_app(shared, limits=Limits(body_bytes=5000))
    headers = [(b"content-length", b"100000000")]

    status = ask(app, receive_from([b" "] * 9, taken), headers)

    assert status == 413
    assert not taken


def test_a_body_that_does_not_come_is_given_up(shared):
    async def receive():
        await asyncio.sleep(60)

    app = build_app(shared, limits=Limits(request_seconds=0.05))

    assert ask(app, receive) == 408


def test_a_client_that_goes_away_hurts_nobody(shared):
    async def receive():
        return {"type": "http.disconnect"}

    app = build_app(shared)

    assert ask(app, receive) == 400
    assert served_models.Client(app).post(json=BODY).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up(stalled):
    asker = client(stalled, request_seconds=0.2)

    response = asker.post(json=BODY)

    assert response.status_code == 504
    assert "within 0.2 seconds" in response.json()["error"]


def test_one_too_many_is_sent_away_and_the_others_are_answered(stalled):
    limits = {"concurrent_predictions": 1, "waiting_requests": 2}
    asker, refused = client(stalled, **limits), threading.Semaphore(0)
    asker.app = telling_of_503(asker.app, refused)

    def go_on():  # not earlier: an answer makes room for another request
        if all(refused.acquire(timeout=20) for _ in range(2)):
            stalled.go.set()

    threading.Thread(target=go_on).start()

    requests = [("POST", asker.path + ":predict", {"json": BODY})] * 5
    responses = asker.all(requests, at_once=5)

    statuses = sorted(response.status_code for response in responses)
    assert statuses == [200, 200, 200, 503, 503]
    assert asker.post(json=BODY).status_code == 200  # places come back


def test_refused_bodies_give_their_place_back(shared):
    limits = {"concurrent_predictions": 1, "waiting_requests": 0}
    asker = client(shared, body_bytes=5000, **limits)

    for _ in range(3):
        assert asker.post(content=b" " * 6000).status_code == 413
        assert asker.post(content=b"{").status_code == 400

    assert asker.post(json=BODY).status_code == 200


def test_what_fails_unforeseen_is_said_as_json(stalled):
    stalled.call = None

    response = client(stalled).post(json=BODY)

    assert response.status_code == 500
    assert response.json() == {"error": "The server failed; its log says why."}
    assert response.headers["x-request-id"]
