"""Is the address had, or said why not?"""

import socket

import pytest
import served_models

from aet_keras import serving
from aet_keras.errors import ExportError
from aet_keras.serving.server import address, listening


def test_a_free_port_is_found_and_given_back():
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert address(listener) == f"http://127.0.0.1:{port}"

    with listening("127.0.0.1", port):
        pass


def test_an_answer_does_not_wait_for_an_acknowledgement():
    with listening("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # asyncio looks at it


def test_an_address_of_version_6_is_written_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with listening("::1", 0) as listener:
            assert address(listener).startswith("http://[::1]:")
    except OSError:
        pytest.skip("this machine has no loopback of IPv6")


def test_a_port_in_use_is_said_before_anything_is_loaded(home, versions):
    served_models.copy_version(versions[0], home, 1)
    said = []
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(OSError, match="Choose another port") as caught:
            serving.serve(home, port=port, say=said.append)

    assert f"port={port} (Address already in use)" in str(caught.value)
    assert not said


def test_an_address_of_another_machine_is_refused(home, versions):
    served_models.copy_version(versions[0], home, 1)

    with pytest.raises(OSError, match="must be of this machine"):
        serving.serve(home, host="192.0.2.1", port=0)


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    with pytest.raises(ExportError, match="must hold versions"):
        serving.serve(tmp_path)
