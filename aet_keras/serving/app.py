"""Routes requests to a model, as many at once as the limits allow."""

import asyncio
import concurrent.futures
import contextlib
import functools
import re
import threading
import uuid
from collections.abc import Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from aet_keras.serving import _answers
from aet_keras.serving._answers import to_json
from aet_keras.serving._refusals import Refusal, bad_request
from aet_keras.serving.model_folder import ModelFolder
from aet_keras.serving.settings import Limits

_LARGEST = 2**63 - 1
_ID = "x-request-id"
# One that a cell of a .csv file holds as it is.
_GOOD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_YIELD_SECONDS = 0.1
_MODEL = "/v1/models/{model}"
_PATHS = (
    _MODEL,
    f"{_MODEL}/versions/{{version:int}}",
    _MODEL + "/labels/{label}",
)


def build_app(
    folder: ModelFolder,
    *,
    limits: Limits | None = None,
    record: Callable[..., None] | None = None,
) -> Starlette:
    """Returns the REST API of TensorFlow Serving for one model.

    `GET /v1/models/NAME` is the status of its versions, `.../metadata` its
    signatures; `POST /v1/models/NAME:predict`, `:classify` and `:regress`
    ask it.
    `/versions/N` may stand behind the name. An error is
    `{"error": "..."}`. Not there: gRPC, labels of versions.
    An answer has the header `x-request-id`: the client's own, if it sent one
    of at most 128 letters, digits or signs of `._:/+=@-`, or a new one.

    Args:
        folder: `ModelFolder`. Its `current` version answers.
        limits: `Limits`. Defaults to `Limits()`.
        record: optional function, `Recorder.offer`, that is given what was
            asked and answered.

    Returns:
        `starlette.applications.Starlette`, an ASGI application.

    Example:

    >>> import tempfile
    >>> from aet_keras.serving.app import build_app
    >>> from aet_keras.serving.model_folder import ModelFolder
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> def write(directory):
    ...     aet_keras.export.write_image_model(
    ...         model, directory, class_names=["hat", "shoe"]
    ...     )
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = aet_keras.publishing.publish(f"{home}/clothes", write)
    ...     folder = ModelFolder(f"{home}/clothes")
    >>> app = build_app(folder)
    >>> app.routes[0].path, app.routes[0].methods
    ('/v1/models/{model}:{verb}', {'POST'})
    """
    endpoints = _Endpoints(folder, limits or Limits(), record)
    routes = []
    for path in _PATHS:
        routes += [
            Route(f"{path}:{{verb}}", endpoints.ask, methods=["POST"]),
            Route(f"{path}/metadata", endpoints.metadata, methods=["GET"]),
            Route(path, endpoints.status, methods=["GET"]),
        ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Refusal: _refuse,
            ClientDisconnect: _client_left,
            HTTPStatus.NOT_FOUND: _malformed,
            HTTPStatus.METHOD_NOT_ALLOWED: _malformed,
            Exception: _failed,
        },
        lifespan=endpoints.lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Endpoints:
    """Answers the requests of each path."""

    def __init__(self, folder, limits, record):
        self.folder, self.limits, self.record = folder, limits, record
        self.queue = RequestQueue(limits)
        # One thread reads JSON at a time: more would only take the interpreter
        # from each other, from the event loop and from a version that loads.
        self.reading = threading.Lock()

    @contextlib.asynccontextmanager
    async def lifespan(self, app):
        yield
        self.queue.close()

    async def ask(self, request):
        request.state.id = request_id = _request_id(request)
        verb = request.path_params["verb"].lower()
        if verb not in _answers.VERBS:
            raise _malformed_request(request)
        version = self._find(request)
        if self.folder.is_loading:
            # With few cores, clients that ask without a pause delay the new
            # version; with this wait it is served a second sooner.
            await asyncio.sleep(_YIELD_SECONDS)
            version = self._find(request)

        record = self.record and functools.partial(self.record, request_id)

        def work(body):
            return _answers.answer(
                verb,
                version,
                body,
                limits=self.limits,
                reading=self.reading,
                record=record,
            )

        return _named(request, _json(await self.queue.answer(request, work)))

    async def metadata(self, request):
        version = self._find(request)
        signatures = {"signature_def": {"signature_def": version.description}}
        model = {
            "name": self.folder.name,
            "signature_name": "",
            "version": str(version.number),
        }
        return _json(to_json({"model_spec": model, "metadata": signatures}))

    async def status(self, request):
        wanted = _wanted(request)
        model = request.path_params["model"]
        mine = model == self.folder.name
        known = sorted(list(self.folder.statuses.items()), reverse=True)
        shown = [
            (number, status)
            for number, status in known
            if mine and wanted in (None, number)
        ]
        if not shown:
            what = "any versions" if wanted is None else f"version {wanted}"
            raise Refusal(
                HTTPStatus.NOT_FOUND, f"Could not find {what} of model {model}"
            )
        return _json(to_json({"model_version_status": [*map(_row, shown)]}))

    def _find(self, request):
        """Returns the version that is served, if the path asks for it."""
        version, wanted = self.folder.current, _wanted(request)
        name = request.path_params["model"]
        if name == self.folder.name and wanted in (None, version.number):
            return version
        asked = f"Latest({name})"
        if wanted is not None:
            asked = f"Specific({name}, {wanted})"
        raise Refusal(
            HTTPStatus.NOT_FOUND, f"Servable not found for request: {asked}"
        )


def _request_id(request):
    """Returns the client's id of a request, or a new one."""
    given = request.headers.get(_ID, "")
    return given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex


def _named(request, response):
    """Returns a response with the id of its request, if that asks a model."""
    request_id = getattr(request.state, "id", None)
    if request_id is not None:
        response.headers[_ID] = request_id
    return response


def _wanted(request):
    """Returns the number in the path, if there is one."""
    if ":" in request.path_params["model"]:
        raise _malformed_request(request)
    label = request.path_params.get("label")
    if label is not None:
        raise bad_request(f"Unrecognized servable version label: {label}")
    version = request.path_params.get("version")
    if version is not None and version > _LARGEST:
        raise bad_request(f"Failed to convert version: {version} to numeric.")
    return version


def _row(numbered):
    number, status = numbered
    return {
        "version": str(number),
        "state": status.state,
        "status": {
            "error_code": status.error_code,
            "error_message": status.error_message,
        },
    }


def _malformed_request(request):
    return bad_request(
        f"Malformed request: {request.method} {request.url.path}"
    )


def _json(content, status=HTTPStatus.OK):
    return Response(content, status, media_type="application/json")


async def _refuse(request, refusal):
    response = _json(to_json({"error": refusal.sentence}), refusal.status)
    if refusal.status == HTTPStatus.REQUEST_TIMEOUT:
        # What is still to come would be taken for the next request.
        response.headers["connection"] = "close"
    return _named(request, response)


async def _malformed(request, error):
    return await _refuse(request, _malformed_request(request))


async def _client_left(request, error):
    return await _refuse(request, bad_request("The client went away."))


async def _failed(request, error):
    sentence = "The server failed; its log says why."
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _named(request, _json(to_json({"error": sentence}), status))


class RequestQueue:
    """Admits as many requests as the limits allow; threads answer them.

    Args:
        limits: `Limits`.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self._places = threading.Semaphore(
            limits.concurrent_predictions + limits.waiting_requests
        )
        self._pool = concurrent.futures.ThreadPoolExecutor(
            limits.concurrent_predictions, thread_name_prefix="aet-keras answer"
        )

    async def answer(
        self, request: Request, work: Callable[[bytearray], bytes]
    ) -> bytes:
        """Reads a body, and returns what a function makes of it in a thread.

        Raises:
            Refusal: if it is too long, too late, or one too many.
        """
        if not self._places.acquire(blocking=False):
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Too many requests wait already. Come back later.",
            )
        try:
            body = await self._read(request)
            future = self._pool.submit(work, body)
        except BaseException:
            self._places.release()
            raise
        # Only when the thread ends, because it cannot be stopped.
        future.add_done_callback(lambda _: self._places.release())
        return await self._wait(future)

    def close(self) -> None:
        """Ends the threads, once they have finished their requests."""
        self._pool.shutdown(cancel_futures=True)

    async def _read(self, request):
        try:
            async with asyncio.timeout(self.limits.request_seconds):
                return await _read(request, self.limits.body_bytes)
        except TimeoutError as error:
            raise Refusal(
                HTTPStatus.REQUEST_TIMEOUT,
                "The body did not arrive within "
                f"{self.limits.request_seconds:g} seconds.",
            ) from error

    async def _wait(self, future):
        try:
            async with asyncio.timeout(self.limits.request_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise Refusal(
                HTTPStatus.GATEWAY_TIMEOUT,
                "There was no answer within "
                f"{self.limits.request_seconds:g} seconds. Send less at once.",
            ) from error


async def _read(request, most):
    """Returns the body; one that is too long is not read to its end."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_long(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_long(most)
    return body


def _too_long(most):
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body must be at most {most:,} bytes. Send fewer examples, or "
        "images as JPEG in base64.",
    )
