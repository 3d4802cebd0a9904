"""Publishes versions of a model in a folder, and finds the newest."""

from aet_keras._renamed import renamed
from aet_keras.publishing.manifest import check_manifest
from aet_keras.publishing.publication import (
    list_versions,
    newest_version,
    prune,
    publish,
    roll_back,
)

__all__ = [
    "check_manifest",
    "list_versions",
    "newest_version",
    "prune",
    "publish",
    "roll_back",
]

__getattr__ = renamed(
    __name__,
    moved={
        "manifest": ["Manifest", "read_manifest"],
        "publication": ["RollBack", "check_writable"],
    },
)
