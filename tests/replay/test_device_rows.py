"""Are recorded features kept on a GPU where they fit, and nowhere else?"""

import numpy as np
import pytest
import replay_runs

from aet_keras._keras import devices
from aet_keras.replay import FeatureCache, device_rows


@pytest.mark.parametrize(
    ("byte_count", "free_bytes", "is_kept"),
    [
        (0, 100, False),
        (50, 100, True),
        (51, 100, False),
        (16_000_000_000, 40_000_000_000, True),
        (1, 0, False),
    ],
)
def test_features_take_half_of_what_is_free(byte_count, free_bytes, is_kept):
    assert device_rows.fits(byte_count, free_bytes) is is_kept


@pytest.mark.parametrize("free_bytes", [0, 10**9])
def test_a_run_ends_the_same_with_features_on_a_device(monkeypatch, free_bytes):
    copied = []

    def first_gpu():
        copied.append(free_bytes)
        return devices.Device("CPU:1", free_bytes)

    def make():
        return replay_runs.build_model(optimizer="adam")

    plain = replay_runs.run(make, cache=None)
    monkeypatch.setattr(devices, "first_gpu", first_gpu)
    again = replay_runs.run(make)

    assert copied
    replay_runs.check_equal(plain, again)


def test_rows_come_from_the_copy_once_the_record_has_stopped_growing(
    monkeypatch,
):
    cache = FeatureCache("memory", dtype="float32")
    record = cache.new_record([np.zeros((2, 3), "float32")])
    features = np.arange(6, dtype="float32").reshape(2, 3)
    record.append([b"a", b"b"], [features])
    model = replay_runs.build_model()
    rows = device_rows.DeviceRows(model)
    monkeypatch.setattr(
        devices, "first_gpu", lambda: devices.Device("CPU:1", 10**6)
    )

    first, *_ = rows.take(record, [0], np.array([1]))
    second, *_ = rows.take(record, [0], np.array([1, 0]))
    record.append([b"c"], [features[:1] + 9])
    third, *_ = rows.take(record, [0], np.array([2]))

    assert isinstance(first, np.ndarray)
    assert second.device.endswith("CPU:1")
    np.testing.assert_array_equal(second, features[::-1])
    np.testing.assert_array_equal(third, features[:1] + 9)


def test_a_machine_without_a_gpu_has_none():
    assert devices.first_gpu() is None
