"""Does a gate after every group leave a family's outputs as they were?

Every model of `keras.applications`, those that take half a minute included:
tests/benchmarks/grafted_families.py
"""

import graft_comparison
import pytest

SMALL = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
)


@pytest.mark.parametrize("name", SMALL)
def test_a_gate_after_every_group_changes_nothing(name):
    found = graft_comparison.compare(name)

    assert found.spread > graft_comparison.LEAST_SPREAD  # not flat
    assert found.difference <= graft_comparison.TOLERANCE
    assert found.groups == found.expected_groups
    assert found.places == len(found.groups) - 1  # all but the head
