"""Spares runs the SavedModel that their test does not look at: a second each.

Its signatures are traced and described as ever; they are not written, and
nothing is loaded to be compared.
"""

from aet_keras.export import compared_outputs, comparison, saved_model

_FILE = "saved_model.pb"


def leave_out(monkeypatch):
    """Has versions be published with an empty file for a SavedModel."""
    monkeypatch.setattr(saved_model, "_save", _touch)
    monkeypatch.setattr(saved_model, "write_requests", lambda *_: None)
    monkeypatch.setattr(comparison, "compare", _not_compared)


def _touch(directory, served):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _FILE).touch()


def _not_compared(owner, directory, served, expected, *_, **__):
    return compared_outputs.Comparison(0.0, len(expected), 1.0, "rows")
