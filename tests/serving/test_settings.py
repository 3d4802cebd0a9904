"""Is a server told what it can use, and nothing else?"""

import pytest

from aet_keras.serving import Limits
from aet_keras.serving.settings import Recording, model_server_command


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("body_bytes", 0, ValueError),
        ("body_bytes", 1.5, TypeError),
        ("request_seconds", 0, ValueError),
        ("request_seconds", float("inf"), ValueError),
        ("concurrent_predictions", 0, ValueError),
        ("waiting_requests", -1, ValueError),
        ("rows", 0, ValueError),
        ("image_pixels", 0, ValueError),
    ],
)
def test_a_limit_out_of_range_is_refused(name, value, error):
    with pytest.raises(error, match=f"Limits: `{name}` must be"):
        Limits(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("folder", 3, TypeError),
        ("keeps", "all", ValueError),
        ("day_bytes", 1000, ValueError),
        ("day_rows", 0, ValueError),
        ("days", 0, ValueError),
    ],
)
def test_a_setting_of_a_recording_out_of_range_is_refused(name, value, error):
    with pytest.raises(error, match=f"Recording: `{name}` must be"):
        Recording(**{"folder": "requests", name: value})


def test_the_model_is_called_after_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    command = model_server_command("/bin/tms", "clothes", port=9001)

    assert command[0] == "/bin/tms"
    assert "--model_name=clothes" in command
    assert f"--model_base_path={tmp_path / 'clothes'}" in command
    assert "--rest_api_port=9001" in command
    assert "--port=9000" in command
    assert not any("batching" in flag for flag in command)


def test_it_batches_where_the_folder_says_how(tmp_path):
    (tmp_path / "serving").mkdir()
    config = tmp_path / "serving" / "batching.config"
    config.touch()

    command = model_server_command("tms", tmp_path, port=9001)

    assert "--enable_batching=true" in command
    assert f"--batching_parameters_file={config}" in command


def test_the_seconds_of_a_request_are_passed_on(tmp_path):
    limits = Limits(request_seconds=1.5)

    command = model_server_command("tms", tmp_path, port=9, limits=limits)

    assert "--rest_api_timeout_in_ms=1500" in command
