"""Does a gate after every group leave a family's outputs as they were?

Here one family of each kind; all models of `keras.applications`, which take
up to half a minute each: tests/benchmarks/grafted_families.py
"""

import graft_comparison
import pytest

# One of each kind of block: scaled and residual, gated and inverted, normalized
# first. Plain ones: test_graft.py.
KINDS = ("ConvNeXtTiny", "MobileNetV3Small", "ResNet50V2")


@pytest.mark.parametrize("name", KINDS)
def test_a_gate_after_every_group_changes_nothing(name):
    found = graft_comparison.compare(name)

    assert found.spread > graft_comparison.LEAST_SPREAD  # not flat
    assert found.difference <= graft_comparison.TOLERANCE
    assert found.groups == found.expected_groups
    assert found.places == len(found.groups) - 1  # all but the head
