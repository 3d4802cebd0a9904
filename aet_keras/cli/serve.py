"""Serves a published model over HTTP."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys

import click

from aet_keras.cli._options import check_of_use
from aet_keras.cli._running import one_sentence, quiet_start

_PROGRAM = "tensorflow_model_server"
_EMBEDDED = (
    "This is the embedded server of aet-keras: REST alone, one model, CPU or "
    "one GPU; no gRPC, no labels of versions. "
    f"`{_PROGRAM}` is started instead where it is on the PATH."
)


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.option(
    "--port",
    default=8501,
    type=click.IntRange(0, 65535),
    help="0 takes a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    help="The address to listen on. 0.0.0.0 lets other machines in; there is "
    "no password.",
)
@click.option(
    "--embedded",
    is_flag=True,
    help=f"Do not start `{_PROGRAM}` where it is on the PATH.",
)
@click.option(
    "--body-megabytes",
    type=click.IntRange(1),
    help="A longer body is refused. [default: 32]",
)
@click.option(
    "--image-megapixels",
    type=click.IntRange(1),
    help="A larger JPEG or PNG is refused before it is decoded. [default: 50]",
)
@click.option(
    "--picture-megapixels",
    type=click.IntRange(1),
    hidden=True,
    deprecated="It is now --image-megapixels.",
)
@click.option(
    "--request-seconds",
    default=30.0,
    type=click.FloatRange(min=0, min_open=True),
    help="A request that takes longer is given up.",
)
@click.option(
    "--concurrent",
    type=click.IntRange(1),
    help="Requests that are worked on at once. [default: 8]",
)
@click.option(
    "--record",
    type=click.Path(path_type=pathlib.Path),
    metavar="FOLDER",
    help="Keep a sample of what is asked in FOLDER, with the embedded server. "
    "Nothing is kept without it.",
)
@click.option(
    "--record-what",
    type=click.Choice(["inputs", "outputs"]),
    help="inputs, the default: rows and what is answered. outputs: what is "
    "answered and, of images and texts, embeddings, no inputs.",
)
@click.option(
    "--record-megabytes",
    type=click.IntRange(1),
    help="The most of a day (UTC). Each row of it has the same chance to be "
    "kept. Defaults to 100.",
)
@click.option(
    "--record-days",
    type=click.IntRange(1, 100_000),
    help="Older days are deleted. Defaults to 30.",
)
@click.option(
    "--debug", is_flag=True, help="Show tracebacks, and what C libraries say."
)
def serve(folder, port, host, embedded, debug, **options):
    """Serve a published model over the REST API of TensorFlow Serving.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it. A version that
    is published meanwhile is served as soon as it is loaded. Ctrl-C ends it.
    An answer has the header `x-request-id`. A recorded row has that id, `-`
    and the number of the row in the request, so that labels can come later.

    \b
    Example:
        aet-keras serve saved_models/digits --port 8501
        curl http://127.0.0.1:8501/v1/models/digits
        aet-keras serve saved_models/digits --record requests --record-days 7
    """
    with _ended_by_signals(), one_sentence(debug=debug):
        from aet_keras import publishing, serving

        limits = _limits(serving, options)
        recording = _recording(options)
        _check_images(publishing.newest_version(folder), options)
        is_embedded = embedded or recording is not None
        program = None if is_embedded else shutil.which(_PROGRAM)
        if program is not None:
            _check_limits(options)
            _become(serving, program, folder, port, limits)
        click.echo(_EMBEDDED)
        with quiet_start():
            from aet_keras.serving import serve as answer
        with contextlib.nullcontext() if debug else _own_words():
            answer(
                folder,
                host=host,
                port=port,
                limits=limits,
                recording=recording,
                say=_say,
            )


def _megapixels(options):
    return options["picture_megapixels"] or options["image_megapixels"]


def _limits(serving, options):
    body, megapixels = options["body_megabytes"], _megapixels(options)
    given = {
        "body_bytes": body and body * 2**20,
        "image_pixels": megapixels and megapixels * 10**6,
        "request_seconds": options["request_seconds"],
        "concurrent_predictions": options["concurrent"],
    }
    return serving.Limits(**{k: v for k, v in given.items() if v is not None})


def _check_images(version, options):
    """Raises if images have a limit, and the model is asked about none."""
    from aet_keras.publishing.data_kind import written_kind

    megapixels = _megapixels(options)
    if megapixels is None:
        return
    if written_kind(version, "serve") in ("image", "item", None):
        return
    why = "the model is asked about no images"
    check_of_use("serve", why, image_megapixels=megapixels)


def _check_limits(options):
    """Raises if a limit is given that TensorFlow Serving does not have."""
    check_of_use(
        "serve",
        f"`{_PROGRAM}` is started, unless `--embedded` is given, and has no "
        "such limit",
        body_megabytes=options["body_megabytes"],
        image_megapixels=_megapixels(options),
        concurrent=options["concurrent"],
    )


def _recording(options):
    """Returns what to record, or None."""
    from aet_keras.serving.settings import Recording

    given = {
        "--record-what": ("keeps", options["record_what"]),
        "--record-megabytes": ("day_bytes", options["record_megabytes"]),
        "--record-days": ("days", options["record_days"]),
    }
    given = {k: pair for k, pair in given.items() if pair[1] is not None}
    if options["record"] is None and given:
        raise ValueError(
            "serve: these options need `--record`, because they say how to "
            f"record. Received: {', '.join(given)}. Name a folder to record "
            "in, `--record FOLDER`, or leave them out."
        )
    if options["record"] is None:
        return None
    settings = dict(given.values())
    if "day_bytes" in settings:
        settings["day_bytes"] *= 2**20
    return Recording(options["record"], **settings)


def _say(sentence):
    click.echo(sentence)
    sys.stdout.flush()  # into a file or a pipe it would wait


def _become(serving, program, folder, port, limits):
    """Puts TensorFlow Serving in the place of this process."""
    from aet_keras.serving.server import listening

    with listening("0.0.0.0", port) as listener:
        port = listener.getsockname()[1]
    command = serving.settings.model_server_command(
        program, folder, port=port, limits=limits
    )
    _say(
        f"{program} takes over, on every address of this machine: REST on "
        f"port {port}, gRPC on {port - 1}. `--embedded` keeps to `--host`."
    )
    os.execv(program, command)


@contextlib.contextmanager
def _own_words():
    """Leaves the error stream to Python.

    The decoder of JPEG writes a line there, from C, for each broken image
    that a client sends.
    """
    if sys.stderr is not sys.__stderr__:  # another program reads it
        yield
        return
    sys.stderr.flush()
    with open(os.dup(2), "w", buffering=1) as stream:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        sys.stderr = stream
        try:
            yield
        finally:
            os.dup2(stream.fileno(), 2)
            sys.stderr = sys.__stderr__


@contextlib.contextmanager
def _ended_by_signals():
    """Makes Ctrl-C and SIGTERM an end with exit code 0, at any time."""

    def end(number, frame):
        raise SystemExit(0)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
