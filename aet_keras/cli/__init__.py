"""The command `aet-keras`: one file for each of its commands."""

from aet_keras import _optional

with _optional.needing("cli"):
    from aet_keras.cli.main import main

__all__ = ["main"]
