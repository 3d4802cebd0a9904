import numpy as np
import pytest

from aet_keras.data.image_storage import allocate, arrange
from aet_keras.errors import DataError


def test_few_rows_live_in_memory():
    rows = allocate((2, 4, 4, 3))

    assert type(rows) is np.ndarray
    assert rows.dtype == np.uint8


def test_many_rows_live_in_a_file_that_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    rows = allocate((2, 4, 4, 3), limit_bytes=10)
    rows[1] = 7

    assert isinstance(rows, np.memmap)
    assert rows[1].min() == 7
    assert list(tmp_path.iterdir()) == []


def test_rows_that_the_disk_cannot_hold_are_refused_beforehand():
    with pytest.raises(DataError, match="Ask for a smaller image size"):
        allocate((10**9, 1000, 1000, 3))


@pytest.mark.parametrize("seed", range(3))
def test_arranging_in_place_equals_indexing(seed):
    random = np.random.default_rng(seed)
    rows = random.integers(0, 256, (50, 2, 2), "uint8")
    order = random.permutation(50)
    expected = rows[order]

    arrange(rows, order)

    np.testing.assert_array_equal(rows, expected)
