"""Errors that a caller may want to catch.

    AetError
    ├── DataError      a source that cannot be learned from
    ├── WeightsError   pretrained weights that cannot be had or do not fit
    ├── TrainingError  a run that had to stop; the best weights were kept
    ├── ExportError    an export that was not written, or differs
    └── CacheFull      features that no space is left for

A wrong argument is a plain `ValueError` or `TypeError`.
"""


class AetError(Exception):
    """Is the parent of every error that this package defines."""


class DataError(AetError, ValueError):
    """Says which source cannot be learned from, and why."""


class WeightsError(AetError, ValueError):
    """Says which weights cannot be loaded or do not fit, and what to do."""


class TrainingError(AetError, RuntimeError):
    """Says why a run stopped before its end, and what was kept."""


class ExportError(AetError, RuntimeError):
    """Says why an export was not written; nothing of it is left behind."""


class CacheFull(AetError, OSError):
    """Says that neither memory nor disk has space for more features."""
