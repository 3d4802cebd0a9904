"""Does a gate after every group leave each family's outputs as they were?

Every model of `keras.applications`: tests/benchmarks/grafted_families.py
"""

import grafted
import pytest

SMALL = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    pytest.param("InceptionResNetV2", marks=pytest.mark.slow),
    pytest.param("InceptionV3", marks=pytest.mark.slow),
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    pytest.param("NASNetMobile", marks=pytest.mark.slow),
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
)


@pytest.mark.parametrize("name", SMALL)
def test_a_gate_after_every_group_changes_nothing(name):
    found = grafted.compare(name)

    assert found.spread > grafted.LEAST_SPREAD  # not flat
    assert found.difference <= grafted.TOLERANCE
    assert found.groups == found.expected_groups
    assert found.places == len(found.groups) - 1  # all but the head
