"""Are weights in Keras's cache found by what they are, not by their names?"""

import hashlib
import inspect
import os

import h5py
import keras
import numpy as np
import pytest
from keras.src import applications

from aet_keras import backbones
from aet_keras.backbones import cached_weights

NAME = "efficientnetb0_notop.h5"
MOBILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{}_no_top.h5"


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path


def write(cache, name, content=b"weights"):
    path = cache / "models" / name
    path.write_bytes(content)
    return path


def write_mobile(cache, size, count=cached_weights._MOBILE_COUNT):
    path = cache / "models" / MOBILE.format(size)
    with h5py.File(path, "w") as file:
        file.create_dataset("Conv1/kernel", (count,), "float32")
    return path


def known(monkeypatch, content=b"weights"):
    """Lets the sum of a small file be that of EfficientNetB0."""
    md5 = hashlib.md5(content).hexdigest()
    files = [
        (b, f, md5 if f == NAME else m) for b, f, m in cached_weights._FILES
    ]
    monkeypatch.setattr(cached_weights, "_FILES", files)


def test_a_file_with_the_right_sum_is_found(cache, monkeypatch):
    known(monkeypatch)
    path = write(cache, NAME)

    (found,) = cached_weights.find_cached_weights(cache)

    assert (found.backbone, found.path) == ("EfficientNetB0", path)
    assert found.image_size is None


def test_a_name_alone_is_not_trusted(cache):
    for _, name, _ in cached_weights._FILES:
        write(cache, name)
    write(cache, MOBILE.format(96), b"cut off")
    write_mobile(cache, 128, count=1000)  # another model
    (cache / "models" / MOBILE.format(160)).mkdir()

    assert cached_weights.find_cached_weights(cache) == ()


def test_mobile_nets_are_found_by_their_size_the_cheapest_first(
    cache, monkeypatch
):
    known(monkeypatch)
    write(cache, NAME)
    write_mobile(cache, 224)
    write_mobile(cache, 128)

    found = cached_weights.find_cached_weights(cache)

    assert [(f.backbone, f.image_size) for f in found] == [
        ("MobileNetV2", 128),
        ("MobileNetV2", 224),
        ("EfficientNetB0", None),
    ]


def test_keras_home_is_where_it_looks(cache, monkeypatch):
    known(monkeypatch)
    write(cache, NAME)
    monkeypatch.setenv("KERAS_HOME", os.fspath(cache))

    assert len(cached_weights.find_cached_weights()) == 1
    monkeypatch.setenv("KERAS_HOME", os.fspath(cache / "nowhere"))
    assert cached_weights.find_cached_weights() == ()


def test_names_and_sums_are_those_of_keras():
    modules = (
        applications.densenet,
        applications.efficientnet,
        applications.efficientnet_v2,
        applications.mobilenet_v3,
        applications.resnet,
    )
    source = "".join(map(inspect.getsource, modules))

    for name, _, md5 in cached_weights._FILES:
        assert name in backbones.backbone_names()
        assert f'"{md5}"' in source
    mobile = inspect.getsource(applications.mobilenet_v2)
    assert "file_hash" not in mobile
    start, end = MOBILE.split("1.0_{}")
    assert f'"{start}"' in mobile and f'{{rows}}{end}"' in mobile


def test_mobile_net_has_as_many_numbers_as_are_counted():
    model = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )

    count = sum(int(np.prod(weight.shape)) for weight in model.weights)
    assert count == cached_weights._MOBILE_COUNT
