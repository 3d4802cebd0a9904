"""Reads the files that the trackers wrote."""

import json
import struct
import time

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

_BLOCK = 32768  # a run of wandb is a log of LevelDB, behind 7 bytes


def read_tensors(folder):
    """Returns `{tag: {step: array}}` of the event files in one folder.

    In the order of the steps: file 10 of a process is read before file 9.
    """
    events = EventAccumulator(str(folder), {"tensors": 0})
    events.Reload()
    return {
        tag: {
            each.step: tf.make_ndarray(each.tensor_proto)
            for each in sorted(
                events.Tensors(tag),
                key=lambda each: (each.step, each.wall_time),
            )
        }
        for tag in events.Tags()["tensors"]
    }


def read_scalars(folder):
    """Returns `{tag: {step: float}}` of the event files in one folder."""
    return {
        tag: {step: float(value) for step, value in values.items()}
        for tag, values in read_tensors(folder).items()
        if all(_is_number(value) for value in values.values())
    }


def read_plugin_content(folder, tag):
    """Returns the bytes that a plugin of TensorBoard keeps under a tag."""
    events = EventAccumulator(str(folder), {"tensors": 0})
    events.Reload()
    return events.SummaryMetadata(tag).plugin_data.content


def wait_for_run(directory, seconds=60):
    """Returns the file of the one run of wandb below a folder, once it ended.

    A process of its own writes it, and may be behind the one that logs.
    """
    (path,) = directory.glob("wandb/*run-*/run-*.wandb")
    patience = time.monotonic() + seconds
    while read_exit_code(path) is None:
        assert time.monotonic() < patience, f"{path} did not end"
        time.sleep(0.05)
    return path


def read_history(path):
    """Returns one dict a row that a run of wandb has logged."""
    return [
        _items(record.history.item)
        for record in _records(path)
        if record.WhichOneof("record_type") == "history"
    ]


def read_last(path, name):
    """Returns the `config` or the `summary` of a run, as it was last."""
    found = {}
    for record in _records(path):
        if record.WhichOneof("record_type") == name:
            found |= _items(getattr(record, name).update)
    return found


def read_exit_code(path):
    """Returns with which code a run ended, None if it did not."""
    ends = [r for r in _records(path) if r.WhichOneof("record_type") == "exit"]
    return ends[-1].exit.exit_code if ends else None


def _items(items):
    return {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for item in items
    }


def _records(path):
    from wandb.proto import wandb_internal_pb2

    data, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        room = _BLOCK - at % _BLOCK
        if room < 7:
            at += room
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(part)
            part = b""


def _is_number(value):
    return np.ndim(value) == 0 and np.issubdtype(value.dtype, np.floating)
