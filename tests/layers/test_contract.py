"""Does every exported layer keep the contract?"""

import contracts
import pytest

from aet_keras import layers

SEQUENCE = (3, 6, 16)
PICTURE = (3, 4, 3, 16)
CASES = {
    "SoftAttention": [
        ({}, SEQUENCE),
        ({"units": 3, "temperature": 2.0, "return_map": True}, PICTURE),
    ],
    "SoftAttentionPooling": [
        ({}, SEQUENCE),
        ({"units": 3, "temperature": 2.0, "return_map": True}, PICTURE),
    ],
    "SqueezeExcite": [({"ratio": 4}, SEQUENCE), ({"ratio": 2}, PICTURE)],
}
FLAT = [(name, *case) for name in CASES for case in CASES[name]]


@pytest.mark.parametrize("name", layers.__all__)
def test_an_exported_layer_has_cases(name):
    assert name in CASES, (
        f"`layers.{name}` is exported but never checked. Add it to `CASES` "
        f"in {__file__}: its arguments and an input shape with the batch."
    )


@pytest.mark.parametrize(
    ("name", "kwargs", "shape"),
    FLAT,
    ids=[f"{name}-{len(shape)}D-{len(kwargs)}" for name, kwargs, shape in FLAT],
)
def test_a_layer_keeps_the_contract(name, kwargs, shape, tmp_path):
    contracts.check_layer(getattr(layers, name), kwargs, shape, tmp_path)
