"""Names the families of networks that are cut by names of layers.

Where shapes do not tell a stage: a stem that shrinks the map more than once,
strides at the end of a stage, a middle flow, cells that read two before them.
"""

import dataclasses
import re
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Family:
    """Says where the literature divides a family of networks.

    Args:
        starts: tuple of pairs of str: the name of a group, and the pattern of
            a layer's whole name. The group begins at the last place for a cut
            that is not above that layer.
        ends: optional str. The pattern of the layers after which the family
            may be cut, however many tensors are alive there. Not given, it is
            cut where one tensor is.
    """

    starts: tuple[tuple[str, str], ...]
    ends: str | None = None


# Layers whose names Keras counts up (`conv2d_94`) cannot be named here: a
# group is found by the first layer in it that has a name of its own.
FAMILIES = {
    "ConvNeXt": Family(
        (
            ("stage_1", r".*downsampling_block_0"),
            ("stage_2", r".*downsampling_block_1"),
            ("stage_3", r".*downsampling_block_2"),
        )
    ),
    "InceptionResNetV2": Family(
        (
            ("block35", "block35_1_mixed"),
            ("block17", "mixed_6a"),  # the reduction below them
            ("block8", "mixed_7a"),
        )
    ),
    "InceptionV3": Family(
        (("mixed0", "mixed0"), ("mixed3", "mixed3"), ("mixed8", "mixed8"))
    ),
    "NASNet": Family(
        (
            ("normal_0", "normal_concat_0"),
            # the mobile network has stacks of four cells, the large of six
            ("reduce_1", "reduction_concat_reduce_[46]"),
            ("reduce_2", "reduction_concat_reduce_(8|12)"),
        ),
        ends=r"(graft_)?(normal|reduction)_concat_\w+",
    ),
    "ResNetV2": Family(
        (
            ("conv2_block1", "pool1_pad"),
            ("conv3_block1", "conv3_block1_preact_bn"),
            ("conv4_block1", "conv4_block1_preact_bn"),
            ("conv5_block1", "conv5_block1_preact_bn"),
        )
    ),
    "Xception": Family(
        (
            ("block2", "block2_sepconv1"),
            ("block3", "block3_sepconv1"),
            ("block4", "block4_sepconv1"),
            ("block5", "block5_sepconv1"),  # the middle flow
            ("block13", "block13_sepconv1"),  # the exit flow
        )
    ),
}


def find_starts(names: Sequence[str], cuts: Sequence[int]) -> dict[int, str]:
    """Finds where the groups of a known family begin, and their names.

    Args:
        names: the names of the layers, in the order of computation.
        cuts: positions before which a single tensor is alive.

    Returns:
        Dict from positions to names of groups, the stem's left out. Empty if
        no family is recognised: one name may be a coincidence.
    """
    for family in FAMILIES.values():
        found = _starts_of(family, names, cuts)
        if len(found) > 1:
            return found
    return {}


def _starts_of(family, names, cuts):
    if family.ends is not None:
        cuts = [position + 1 for position in _where(family.ends, names)]
    starts = {}
    for group, pattern in family.starts:
        for position in _where(pattern, names)[:1]:
            starts[max((c for c in cuts if c <= position), default=0)] = group
    return {start: group for start, group in starts.items() if start}


def _where(pattern, names):
    return [i for i, name in enumerate(names) if re.fullmatch(pattern, name)]
