"""What a server is told: its limits, what it keeps, how it is started."""

import os
from dataclasses import dataclass
from pathlib import Path

from aet_keras import _check
from aet_keras._renamed import renamed_arguments, renamed_members


@dataclass(frozen=True)
class Limits:
    """Holds what the embedded server lets clients ask of the machine.

    Memory stays below about `concurrent_predictions` times ten bodies, and
    one body for each request that waits.

    Args:
        body_bytes: int >= 1. A longer body is refused (413), and not read to
            its end.
        request_seconds: float > 0. Reading the headers may take that long
            (408), so may reading a body (408), and what follows (504).
        concurrent_predictions: int >= 1. Requests that are worked on at once.
        waiting_requests: int >= 0. Requests that may wait for that; one more
            is refused (503).
        rows: int >= 1. The most examples in one request (400). Small images
            in few bytes would otherwise unfold to any amount of memory.
        image_pixels: int >= 1. The most pixels of an image that comes as
            the bytes of a file (400), as its header has it.

    Raises:
        TypeError: if one is no number.
        ValueError: if one is out of its range.

    Example:

    >>> aet_keras.serving.Limits(body_bytes=2**20).request_seconds
    30.0
    """

    body_bytes: int = 32 * 2**20
    request_seconds: float = 30.0
    concurrent_predictions: int = 8
    waiting_requests: int = 56
    rows: int = 1024
    image_pixels: int = 50_000_000

    def __post_init__(self):
        _check.positive_int(self, body_bytes=self.body_bytes)
        _check.positive(self, request_seconds=self.request_seconds)
        _check.positive_int(
            self, concurrent_predictions=self.concurrent_predictions
        )
        _check.whole(self, waiting_requests=self.waiting_requests)
        _check.positive_int(self, rows=self.rows)
        _check.positive_int(self, image_pixels=self.image_pixels)

    # The old name of an argument, and of the attribute.
    __getattr__ = renamed_members({"picture_pixels": "image_pixels"})


_take_old_names = renamed_arguments(picture_pixels="image_pixels")
Limits.__init__ = _take_old_names(Limits.__init__)  # type: ignore[method-assign]


def model_server_command(
    program: str,
    folder: str | os.PathLike,
    *,
    port: int,
    limits: Limits | None = None,
) -> list[str]:
    """Returns the command line of `tensorflow_model_server` for a folder.

    The model is called after the folder; REST is on `port` and gRPC on the
    port below, as 8501 and 8500 are by custom. It batches where the folder
    says how, in `serving/batching.config`. It listens on every address of the
    machine: it has no flag for another. Of the limits it knows the seconds
    of a request alone.

    Args:
        program: str. Where `tensorflow_model_server` is.
        folder: str or path-like. `saved_models/NAME`.
        port: int >= 2. For REST.
        limits: `Limits`. Defaults to `Limits()`.

    Returns:
        List of str.

    Example:

    >>> aet_keras.serving.settings.model_server_command(
    ...     "tensorflow_model_server", "/models/clothes", port=8501
    ... )[1:4]
    ['--rest_api_port=8501', '--port=8500', '--model_name=clothes']
    """
    folder = Path(folder).resolve()
    milliseconds = round(1000 * (limits or Limits()).request_seconds)
    command = [
        program,
        f"--rest_api_port={port}",
        f"--port={port - 1}",
        f"--model_name={folder.name}",
        f"--model_base_path={folder}",
        f"--rest_api_timeout_in_ms={milliseconds}",
        "--file_system_poll_wait_seconds=1",
    ]
    batching = folder / "serving" / "batching.config"
    if batching.is_file():
        command += [
            "--enable_batching=true",
            f"--batching_parameters_file={batching}",
        ]
    return command


KEEPS = ("inputs", "outputs")


@dataclass(frozen=True)
class Recording:
    """Holds what the embedded server keeps of what it is asked.

    Of each day (UTC) a uniform sample of the rows: each row that was asked
    has the same chance to be kept.

    Args:
        folder: path-like. Where to: a new or empty folder, or one that a
            server of the same model kept rows in.
        keeps: str. `"inputs"` keeps the inputs of a row and its outputs,
            `"outputs"` no inputs, but what goes into the model's head where
            the version has the signature `embeddings`.
        day_bytes: int >= 2**16. The most bytes of a day, on the disk. A row
            may have a twentieth of it.
        day_rows: int >= 1. The most rows of a day.
        days: int >= 1. How many days are kept, the present one included.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if one is out of its range.

    Example:

    >>> aet_keras.serving.settings.Recording("requests").keeps
    'inputs'
    """

    folder: str | os.PathLike
    keeps: str = "inputs"
    day_bytes: int = 100 * 2**20
    day_rows: int = 10_000
    days: int = 30

    def __post_init__(self):
        _check.instance(self, of=str | os.PathLike, folder=self.folder)
        _check.one_of(self, keeps=self.keeps, among=KEEPS)
        _check.whole(self, day_bytes=self.day_bytes, least=2**16)
        _check.positive_int(self, day_rows=self.day_rows)
        _check.positive_int(self, days=self.days, up_to=100_000)
