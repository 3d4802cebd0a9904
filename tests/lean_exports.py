"""Spares runs what their tests do not look at of a SavedModel: seconds each."""

import image_models

from aet_keras.export import (
    compared_outputs,
    comparison,
    image_model,
    item_model,
    saved_model,
)

_FILE = "saved_model.pb"
# Tests of other rooms send it files that only what users have reads.
_ROOMS = {"cli", "training", "tuning"}
_WHOLE = {"test_end_to_end.py", "test_item_job.py"}
_MODELS = image_model, item_model
_DECODE = image_model.decode_images


def shorten(item):
    """Has a SavedModel read images as users' do, or by a shorter decoder."""
    is_short = item.path.parent.name in _ROOMS and item.path.name not in _WHOLE
    decode = image_models.decode_shortly if is_short else _DECODE
    for each in _MODELS:
        each.decode_images = decode


def leave_out(monkeypatch):
    """Has versions be published with an empty file for a SavedModel.

    Its signatures are traced and described as ever; they are not written, and
    nothing is loaded to be compared.
    """
    monkeypatch.setattr(saved_model, "_save", _touch)
    monkeypatch.setattr(saved_model, "write_requests", lambda *_: None)
    monkeypatch.setattr(comparison, "compare", _not_compared)


def _touch(directory, served):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _FILE).touch()


def _not_compared(owner, directory, served, expected, *_, **__):
    return compared_outputs.Comparison(0.0, len(expected), 1.0, "rows")
