"""Publishes versions of a model in a folder, and finds the newest."""

from aet_keras.publishing.manifest import (
    Manifest,
    check_manifest,
    read_manifest,
)
from aet_keras.publishing.publication import (
    RollBack,
    check_writable,
    list_versions,
    newest_version,
    prune,
    publish,
    roll_back,
)

__all__ = [
    "Manifest",
    "RollBack",
    "check_manifest",
    "check_writable",
    "list_versions",
    "newest_version",
    "prune",
    "publish",
    "read_manifest",
    "roll_back",
]
