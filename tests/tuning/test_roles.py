import socket
import time

import pytest
import small_searches

from aet_keras.errors import TrainingError
from aet_keras.tuning.processes import Role


def variables(name="", address="", port=""):
    return {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": address,
        "KERASTUNER_ORACLE_PORT": port,
    }


@pytest.mark.parametrize(
    ("given", "is_chief", "is_worker"),
    [
        ((), False, False),
        (("chief", "127.0.0.1", "9"), True, False),
        (("w0", "127.0.0.1", "9"), False, True),
    ],
    ids=["alone", "chief", "worker"],
)
def test_the_variables_say_who_this_is(given, is_chief, is_worker):
    role = Role.of(variables(*given))

    assert (role.is_chief, role.is_worker) == (is_chief, is_worker)


@pytest.mark.parametrize(
    "given",
    [("w0", "127.0.0.1"), ("", "127.0.0.1", "9"), ("w0", "", "9"),
     ("w0", "127.0.0.1", "http")],
    ids=["no port", "no id", "no address", "port in words"],
)  # fmt: skip
def test_half_a_role_is_refused(given):
    with pytest.raises(ValueError, match="Set all three, or none"):
        Role.of(variables(*given))


@pytest.fixture
def closed_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        yield str(found.getsockname()[1])  # bound, and nobody listens


def test_a_worker_without_a_chief_gives_up_with_the_reason(
    tmp_path, monkeypatch, closed_port
):
    for name, value in variables("w7", "127.0.0.1", closed_port).items():
        monkeypatch.setenv(name, value)
    begun = time.monotonic()

    with pytest.raises(TrainingError) as caught:
        small_searches.search(tmp_path, chief_timeout_seconds=0.5)

    assert time.monotonic() - begun < 10
    assert "worker `w7` must reach its chief" in str(caught.value)
    assert "KERASTUNER_TUNER_ID=chief" in str(caught.value)
    assert not list(tmp_path.iterdir())
