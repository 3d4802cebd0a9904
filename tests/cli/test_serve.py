"""Does `aet-keras serve` serve, and end, as it says?"""

import base64
import json
import os
import signal
import socket
import time

import pytest
import served_models
import server_clients
from click.testing import CliRunner
from served_models import noise_images

from aet_keras.cli import main
from aet_keras.data.recorded_rows import read_recorded_rows

BODY = json.dumps({"instances": noise_images(1).tolist()}).encode()

# libjpeg itself writes a line about the marker
_JPEG = base64.b64encode(b"\xff\xd8\xffa secret of mine").decode()
BROKEN = json.dumps(
    {"signature_name": "bytes", "instances": [{"b64": _JPEG}]}
).encode()


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Returns two exports; the second names its classes otherwise."""
    home = tmp_path_factory.mktemp("versions")
    served_models.write_version(home / "one")
    served_models.write_version(home / "two", ("cap", "vest", "boot"))
    return home / "one", home / "two"


@pytest.fixture
def clothes(tmp_path, versions):
    """Returns a published folder with version 1."""
    (tmp_path / "clothes").mkdir()
    served_models.copy_version(versions[0], tmp_path / "clothes", 1)
    return tmp_path / "clothes"


def serve(*arguments):
    return CliRunner().invoke(main, ["serve", *map(str, arguments)])


def first_class(text):
    return json.loads(text)["predictions"][0]["classes"][0]


@pytest.mark.slow
def test_a_version_published_under_load_is_served_and_nothing_is_lost(
    clothes, versions, console
):
    with server_clients.running_server(console, clothes) as (process, url):
        answers, lost = server_clients.under_load(
            f"{url}:predict",
            BODY,
            count=8,
            seconds=3,
            meanwhile=lambda: served_models.copy_version(
                versions[1], clothes, 2
            ),
        )
        until = time.monotonic() + 30
        while server_clients.ask(f"{url}/versions/2")[0] != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        while first_class(
            json.dumps(server_clients.ask(f"{url}:predict", BODY)[1])
        ) != ("cap"):
            assert time.monotonic() < until
            time.sleep(0.1)
        code, said = server_clients.stop_server(process)

    assert not lost
    assert len(answers) > 8
    assert {first_class(text) for *_, text in answers} <= {"hat", "cap"}
    assert code == 0
    assert "clothes: version 2 is served." in said


@pytest.mark.slow
def test_what_is_refused_takes_no_memory_and_what_is_asked_is_recorded(
    clothes, console, tmp_path, monkeypatch
):
    other = tmp_path / "bin" / "tensorflow_model_server"  # cannot record
    other.parent.mkdir()
    other.write_text("#!/bin/sh\nexit 9\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}:{os.environ['PATH']}")
    piece, folder = b" " * 2**20, tmp_path / "requests"
    options = ("--body-megabytes", 4, "--record", folder)
    errors = (tmp_path / "errors").open("w+")

    with (
        errors,
        server_clients.running_server(
            console, clothes, *options, errors=errors
        ) as running,
    ):
        process, url = running
        broken, _ = server_clients.ask(f"{url}:predict", BROKEN)
        before = server_clients.peak_megabytes(process)
        status, answer = server_clients.ask(
            f"{url}:predict", iter([piece] * 100)
        )
        grown = server_clients.peak_megabytes(process) - before
        alive, _ = server_clients.ask(f"{url}:predict", BODY)
        code, _ = server_clients.stop_server(process, signal.SIGINT)
        written = (tmp_path / "errors").read_text()

    assert (broken, written) == (400, "")
    assert status == 413
    assert "at most 4,194,304 bytes" in answer["error"]
    assert grown < 30
    assert alive == 200
    assert code == 0
    (row,) = read_recorded_rows(folder)  # joined by its id; none refused
    assert row.id.endswith("-0")


def test_how_to_record_is_no_use_without_where(clothes, sentence):
    result = serve(clothes, "--record-days", 3)

    assert result.exit_code == 2
    assert "Received: --record-days. Name a folder" in sentence(result)


def test_a_folder_that_cannot_be_recorded_in_is_said_at_once(clothes, sentence):
    result = serve(clothes, "--port", 0, "--record", clothes)

    assert result.exit_code == 2
    assert "must be new, or hold a recording" in sentence(result)


@pytest.mark.parametrize(
    ("kind", "why"),
    [("image", "unless `--embedded` is given"), ("table", "no images")],
)
def test_a_limit_without_effect_is_refused(
    started, clothes, sentence, kind, why
):
    path = clothes / "1" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"kind": kind}
    path.write_text(json.dumps(manifest))

    result = serve(clothes, "--port", 0, "--image-megapixels", 9)

    assert result.exit_code == 2 and not started
    said = sentence(result)
    assert "`--image-megapixels` must be left out here" in said
    assert why in said


def test_a_port_in_use_is_one_sentence(clothes, sentence):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        result = serve(clothes, "--port", port)

    assert result.exit_code == 1
    assert f"port={port} (Address already in use)" in sentence(result)


def test_a_folder_that_is_no_export_is_one_sentence(tmp_path, sentence):
    result = serve(tmp_path)

    assert result.exit_code == 1
    assert "must hold versions `1/`, `2/`" in sentence(result)


def test_a_damaged_version_is_refused(clothes, sentence):
    (clothes / "1" / "saved_model.pb").write_bytes(b"no")

    result = serve(clothes, "--port", 0)

    assert result.exit_code == 1
    assert "differ: `saved_model.pb`" in sentence(result)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "65536"], "0<=x<=65535"),
        (["--body-megabytes", "0"], "x>=1"),
        (["--request-seconds", "0"], "x>0"),
        (["--concurrent", "0"], "x>=1"),
        (["--record-megabytes", "0"], "x>=1"),
        (["--record-days", "0"], "1<=x<=100000"),
        (["--record-what", "all"], "'inputs', 'outputs'"),
    ],
)
def test_misuse_is_exit_code_2(options, words, tmp_path):
    result = serve(tmp_path, *options)

    assert result.exit_code == 2
    assert words in result.stderr


def test_signal_handlers_are_handed_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    serve(tmp_path)

    after = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert after == before


def test_it_says_which_server_it_is(clothes, monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)

    result = serve(clothes, "--port", 0)

    assert result.exit_code == 0, result.output
    first, *_, last = result.stdout.splitlines()
    assert "the embedded server" in first and "no gRPC" in first
    assert last.startswith("Ready: http://127.0.0.1:")
    assert last.endswith("/v1/models/clothes")


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Puts a program on the PATH; returns the flags it is started with."""
    program = tmp_path / "bin" / "tensorflow_model_server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    flags = []

    def execute(path, arguments):
        flags.extend([path, *arguments])
        raise SystemExit  # nothing comes after it

    monkeypatch.setattr("os.execv", execute)
    return flags


def test_tensorflow_serving_takes_over_where_it_is(started, clothes, tmp_path):
    result = serve(clothes, "--port", 0)

    assert "on every address of this machine" in result.stdout
    program = str(tmp_path / "bin" / "tensorflow_model_server")
    assert started[:2] == [program, program]
    assert f"--model_base_path={clothes}" in started
    port = result.stdout.partition("REST on port ")[2].partition(",")[0]
    assert f"--rest_api_port={port}" in started


def test_the_embedded_one_can_be_asked_for(started, clothes, monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)

    result = serve(clothes, "--port", 0, "--embedded")

    assert "the embedded server" in result.stdout
    assert not started


def test_a_folder_is_looked_at_before_tensorflow_serving_is_started(
    started, tmp_path, sentence
):
    result = serve(tmp_path / "bin")

    assert result.exit_code == 1
    assert not started
    assert "must hold versions" in sentence(result)


def test_debug_shows_where(tmp_path):
    result = serve(tmp_path, "--debug")

    assert type(result.exception).__name__ == "ExportError"


def test_an_old_option_works_and_names_the_new_one(tmp_path):
    result = serve(tmp_path, "--picture-megapixels", 9)

    assert "It is now --image-megapixels." in result.stderr
    assert "No such option" not in result.stderr
    assert "picture" not in serve("--help").stdout
