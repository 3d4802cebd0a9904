"""Are limits that make no sense refused?"""

import pytest

from aet_keras.serving import Limits


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
        ("picture_pixels", 0, ValueError),
    ],
)
def test_a_limit_out_of_range_is_refused(name, value, error):
    with pytest.raises(error, match=f"Limits: `{name}` must be"):
        Limits(**{name: value})
