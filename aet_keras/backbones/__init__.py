"""Which parts does a pretrained model have?"""

from aet_keras.backbones.groups import Group, as_groups, group_layers

__all__ = ["Group", "as_groups", "group_layers"]
