"""Does `TF_CONFIG` say who trains together, or is it refused in a sentence?"""

import json
import socket

import pytest

import aet_keras
from aet_keras._cluster import Cluster

TWO = {"worker": ["host0:1", "host1:2"]}


def cluster(**known):
    return Cluster.of({"TF_CONFIG": json.dumps(known)})


def test_the_chief_comes_first():
    jobs = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}

    found = cluster(cluster=jobs, task={"type": "worker", "index": "1"})

    assert found.addresses == ("a:1", "b:1", "c:1")
    assert (found.index, found.count, found.is_chief) == (2, 3, False)
    assert cluster(cluster=jobs, task={"type": "chief", "index": 0}).is_chief


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": '{"task": {"type": "worker", "index": 0}}'},
        {
            "TF_CONFIG": '{"cluster": {"chief": ["a:1"]}, '
            '"task": {"type": "chief", "index": 0}}'
        },
    ],
    ids=["unset", "empty", "a task alone", "a cluster of one"],
)
def test_one_process_is_no_cluster(environment):
    assert not Cluster.of(environment).is_several


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{worker", "must be JSON such as .*Received: '{worker'"),
        ("[1]", "must have lists of addresses and a task"),
        (json.dumps({"cluster": TWO}), "lists of addresses and a task"),
        (
            json.dumps({"cluster": {"worker": "host0:1"}, "task": {}}),
            "lists of addresses and a task",
        ),
        (
            json.dumps(
                {"cluster": TWO, "task": {"type": "worker", "index": 2}}
            ),
            "a task that is in its cluster.*worker 0, worker 1.*worker 2",
        ),
        (
            json.dumps({"cluster": TWO, "task": {"type": "chief", "index": 0}}),
            "a task that is in its cluster.*Received: 'chief 0'",
        ),
        (
            json.dumps({"cluster": {**TWO, "ps": ["host2:1"]}, "task": {}}),
            "no parameter servers.*'ps'",
        ),
    ],
    ids=[
        "no JSON",
        "a list",
        "no task",
        "no list of addresses",
        "an index too high",
        "a job that is not there",
        "parameter servers",
    ],
)
def test_what_cannot_be_joined_is_refused(monkeypatch, text, sentence):
    monkeypatch.setenv("TF_CONFIG", text)

    with pytest.raises(ValueError, match=f"(?s)^scope: .*{sentence}"):
        aet_keras.scope()


def test_a_port_in_use_is_refused(monkeypatch):
    task = {"type": "worker", "index": 0}
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        jobs = {"worker": [f"127.0.0.1:{other.getsockname()[1]}", "b:1"]}
        known = json.dumps({"cluster": jobs, "task": task})
        monkeypatch.setenv("TF_CONFIG", known)

        with pytest.raises(ValueError, match="must be free.*already in use"):
            aet_keras.scope()


def test_an_address_without_a_port_is_refused():
    jobs = {"worker": ["host0", "host1:2"]}
    found = cluster(cluster=jobs, task={"type": "worker", "index": 0})

    with pytest.raises(ValueError, match="HOST:PORT"):
        found.check_port()
