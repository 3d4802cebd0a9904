"""Reads which processes train together, as every cluster says it: `TF_CONFIG`.

Kubernetes operators, Vertex AI and Slurm scripts set it for each process, and
`aet-keras fit --workers N` for those that it starts on one machine.
"""

import dataclasses
import json
import os
import socket
from collections.abc import Mapping

from aet_keras import _check as check

NAME = "TF_CONFIG"
_CHIEF, _WORKER = "chief", "worker"
_FORM = (
    '{"cluster": {"worker": ["host0:port", "host1:port"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Tells which processes train together, and which one this is.

    Args:
        addresses: tuple of `HOST:PORT`, the chief's first. Empty where there
            is no cluster.
        index: int >= 0. The place of this process in it.
    """

    addresses: tuple[str, ...] = ()
    index: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Cluster":
        """Returns the cluster that `TF_CONFIG` describes.

        Raises:
            ValueError: if it describes none that can be joined.
        """
        text = environment.get(NAME, "").strip()
        if not text:
            return cls()
        try:
            known = json.loads(text)
        except ValueError as error:
            raise ValueError(
                f"scope: {NAME} must be JSON such as {_FORM}. Received: "
                f"{check.shown(text)} ({error}). Correct it, or unset it to "
                "train in one process."
            ) from error
        return cls._of_jobs(known)

    @classmethod
    def _of_jobs(cls, known):
        jobs = known.get("cluster") if isinstance(known, dict) else None
        if isinstance(known, dict) and not jobs:
            return cls()  # a task alone, as Vertex sets it for one machine
        task = known.get("task") if isinstance(known, dict) else None
        is_whole = isinstance(jobs, dict) and all(map(_is_list, jobs.values()))
        if not is_whole or not isinstance(task, dict):
            _refuse("have lists of addresses and a task", known)
        others = sorted(set(jobs) - {_CHIEF, _WORKER, "evaluator"})
        if others:
            _refuse(
                "have jobs `chief` and `worker` alone, because every process "
                "trains (there are no parameter servers)",
                others,
            )
        names = [
            (job, number)
            for job in (_CHIEF, _WORKER)
            for number, _ in enumerate(jobs.get(job, ()))
        ]
        name = task.get("type"), _whole(task.get("index"))
        if name not in names:
            _refuse(
                "name a task that is in its cluster, because each process has "
                f"an address of its own ({', '.join(map(_said, names))})",
                _said(name),
            )
        addresses = tuple(jobs[job][number] for job, number in names)
        return cls(addresses, names.index(name))

    @property
    def count(self) -> int:
        """How many processes train together, at least 1."""
        return max(1, len(self.addresses))

    @property
    def is_several(self) -> bool:
        """Whether there are others."""
        return self.count > 1

    @property
    def is_chief(self) -> bool:
        """Whether this process decides and writes."""
        return self.index == 0

    def check_port(self) -> None:
        """Raises a ValueError if this process cannot listen on its port.

        TensorFlow's server would share the port with the one that has it.
        """
        address = self.addresses[self.index]
        _, colon, port = address.rpartition(":")
        if not colon or not port.isdigit():
            _refuse("have addresses `HOST:PORT`", address)
        with socket.socket() as probe:
            # Connections of an earlier run may linger; listeners may not.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", int(port)))
                probe.listen(1)
            except (OSError, OverflowError) as error:
                why = getattr(error, "strerror", None) or error
                raise ValueError(
                    f"scope: the port of this task in {NAME} must be free, "
                    "because the others reach it there. Received: "
                    f"{address} ({why}). End the process that has it, or name "
                    "another port for all."
                ) from error


def here() -> Cluster:
    """Returns the cluster of this process."""
    return Cluster.of(os.environ)


def _refuse(must, received):
    raise ValueError(
        f"scope: {NAME} must {must}. Received: {check.shown(received)}. Set it "
        f"to JSON such as {_FORM}."
    )


def _is_list(addresses):
    return isinstance(addresses, list) and all(
        isinstance(each, str) for each in addresses
    )


def _whole(index):
    """Returns an index that may come as text, as some operators write it."""
    text = str(index)
    return int(text) if text.isdigit() else index


def _said(name):
    job, number = name
    return f"{job} {number}"
