import pathlib
import subprocess
import sys
import threading

import pytest

from aet_keras import _lock
from aet_keras._lock import InUse, Lock

# Loaded by its path: the package would load Keras in each process.
HOLDER = """
import runpy, sys
lock = runpy.run_path(sys.argv[1])["Lock"](sys.argv[2], lambda: True)
print("has it", flush=True)
sys.stdin.read()
"""


def goes_on():
    return True


def is_over():
    return False


def hold(folder):
    path = pathlib.Path(_lock.__file__)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"has it\n"
    return process


def test_a_folder_that_another_process_has_is_refused_until_it_dies(tmp_path):
    process = hold(tmp_path)
    try:
        with pytest.raises(InUse, match=f"process {process.pid} saves in it"):
            Lock(tmp_path, goes_on)
    finally:
        process.kill()
        process.communicate()

    Lock(tmp_path, goes_on).release()

    assert list(tmp_path.iterdir()) == []


def test_a_process_has_a_folder_once(tmp_path):
    lock = Lock(tmp_path, goes_on)
    refused = []

    def try_it():
        try:
            Lock(tmp_path / ".." / tmp_path.name, goes_on)
        except InUse:
            refused.append(True)

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()

    assert refused == [True]
    lock.release()
    Lock(tmp_path, goes_on).release()


def test_a_run_that_was_interrupted_gives_way(tmp_path):
    earlier = Lock(tmp_path, is_over)

    lock = Lock(tmp_path, goes_on)
    earlier.release()

    with pytest.raises(InUse):
        Lock(tmp_path, goes_on)
    lock.release()
