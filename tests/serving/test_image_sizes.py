"""Is an image that would fill the memory refused before it is decoded?"""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aet_keras.serving import _image_sizes
from aet_keras.serving._refusals import Refusal

SIDE = 20_000


def png(width, height):
    """Returns a PNG of one colour, whose rows are not all there."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10 * (3 * width + 1)))
    parts = (b"IHDR", header), (b"IDAT", data), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part))
        + kind
        + part
        + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in parts
    )


def check(*values, most_pixels=50_000_000):
    array = np.empty(len(values), object)
    array[:] = values
    arrays = {"pixels": np.zeros((1, 2)), "image_bytes": array}
    _image_sizes.check_images(arrays, most_pixels=most_pixels)


def encoded(kind, size=(60, 40)):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind)
    return file.getvalue()


def example(value):
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    features = tf.train.Features(feature={"image": feature})
    return tf.train.Example(features=features).SerializeToString()


def test_a_small_file_that_claims_a_huge_size_is_refused():
    small = png(SIDE, SIDE)
    assert len(small) < 10_000

    with pytest.raises(Refusal, match="20000 x 20000.*Send it smaller") as no:
        check(b"text", small)

    assert no.value.status == 400
    assert "`image_bytes`, at 1" in no.value.sentence


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_the_size_is_the_one_in_the_header(kind):
    check(encoded(kind), most_pixels=2400)

    with pytest.raises(Refusal, match="60 x 40"):
        check(encoded(kind), most_pixels=2399)


def test_an_image_inside_an_example_is_seen():
    with pytest.raises(Refusal, match="Send it smaller"):
        check(example(png(SIDE, SIDE)))


@pytest.mark.parametrize("before", [b"\xff\xff\xfe\x00\x04ab", b"\x00\xff\xd0"])
def test_what_stands_before_the_size_of_a_jpeg_is_skipped(before):
    jpeg = encoded("JPEG")

    with pytest.raises(Refusal, match="60 x 40"):
        check(jpeg[:2] + b"\xff\xe0\x00\x02" + before + jpeg[2:], most_pixels=1)


def test_a_jpeg_without_an_end_of_segments_is_refused():
    with pytest.raises(Refusal, match="Write it again"):
        check(b"\xff\xd8\xff\xd0" + b"\xff\xd0" * 2000)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"BM",
        b"\n\nnot an example",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xda" + bytes(9),
        b"\x89PNG\r\n\x1a\n",
        encoded("JPEG")[:60],
    ],
)
def test_what_is_no_image_is_left_to_the_graph(value):
    check(value, most_pixels=1)


def test_the_server_says_so_to_predict_and_classify(client):
    huge = {"b64": base64.b64encode(png(SIDE, SIDE)).decode()}
    row = {"signature_name": "bytes", "instances": [huge]}
    rows = {"signature_name": "classify", "examples": [{"image": huge}]}

    answers = client.post(json=row), client.post(":classify", json=rows)

    for answer in answers:
        assert answer.status_code == 400
        assert "at most 50,000,000 pixels" in answer.json()["error"]
