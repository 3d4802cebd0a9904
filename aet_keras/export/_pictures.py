"""Decodes images inside a graph.

As `data.decoding` reads one for training, to the same pixels: upright, laid
on white, RGB, stretched to the size as Pillow does it. What only training
reads is refused here: formats other than JPEG and PNG, and PNGs of more than
2**25 pixels.
"""

import tensorflow as tf

from aet_keras.export._orientation import bytes_at, upright
from aet_keras.export._resampling import resize

CHANNELS = (1, 3)

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"

# A file of 100 kB can hold a picture of a gigabyte. For a JPEG, which is
# decoded small, the limit is that of Pillow in training; for a PNG, 8K.
_MOST_IN_JPEG, _MOST_IN_PNG = 89_478_485, 2**25


def decode_pictures(
    encoded: tf.Tensor, shape: tuple[int, int, int]
) -> tf.Tensor:
    """Decodes strings `(batch,)` to uint8 `(batch, *shape)`."""
    return tf.map_fn(
        lambda picture: _decode(picture, shape),
        encoded,
        fn_output_signature=tf.TensorSpec(shape, tf.uint8),
    )


def _decode(encoded, shape):
    *size, channels = shape
    is_png, is_jpeg = _begins(encoded, _PNG), _begins(encoded, _JPEG)
    kinds = "a picture must be the bytes of a JPEG or PNG file"
    with tf.control_dependencies(
        [tf.debugging.Assert(is_png | is_jpeg, [kinds])]
    ):
        rgb = tf.cond(
            is_png,
            lambda: _from_png(encoded),
            lambda: _from_jpeg(encoded, size),
        )
    rgb = upright(rgb, encoded, is_png)
    if channels == 1:
        grey = tf.image.rgb_to_grayscale(tf.cast(rgb, tf.float32))
        rgb = tf.cast(tf.round(grey), tf.uint8)
    is_of_size = tf.reduce_all(tf.shape(rgb)[:2] == tf.constant(size))
    resized = tf.cond(is_of_size, lambda: rgb, lambda: resize(rgb, size))
    return tf.ensure_shape(resized, shape)


def _begins(encoded, mark):
    return tf.equal(tf.strings.substr(encoded, 0, len(mark)), mark)


def _from_png(encoded):
    """Returns RGB on white."""
    header = bytes_at(encoded, 16, 10)
    size = tf.cast(header[:8], tf.int64)
    width, height = (
        tf.reduce_sum(size[at : at + 4] * [1 << 24, 1 << 16, 1 << 8, 1])
        for at in (0, 4)
    )
    depth, kind = header[8], header[9]
    with tf.control_dependencies([_check_size(width * height, _MOST_IN_PNG)]):
        return tf.cond(
            (depth == 16) & (kind == 0),
            lambda: _from_deep_grey(encoded),
            lambda: _from_colours(encoded, depth, kind),
        )


def _from_deep_grey(encoded):
    """Returns 16 bits rounded to 8; those of colours are cut off."""
    grey = tf.cast(tf.io.decode_png(encoded, 1, tf.uint16), tf.int32)
    return tf.repeat(tf.cast((grey + 128) // 257, tf.uint8), 3, axis=2)


def _from_colours(encoded, depth, kind):
    """Returns RGB on white, where anything is seen through.

    Where a file has no alpha TensorFlow puts in the highest number of its
    depth, 15 for 4 bits, and calls that opaque. Of 16 bits only an alpha
    channel is seen through, as Pillow cannot tell such colours apart.
    """
    rgba = tf.io.decode_png(encoded, channels=4)
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    filler = tf.bitwise.left_shift(1, tf.minimum(depth, 8)) - 1
    is_opaque = tf.reduce_all(alpha == tf.cast(filler, tf.uint8))
    is_opaque |= (depth == 16) & (kind == 2)
    return tf.cond(is_opaque, lambda: rgb, lambda: _on_white(rgb, alpha))


def _on_white(rgb, alpha):
    """Lays on white in 16 bits: a large picture in 32 fills the memory."""
    rgb, alpha = tf.cast(rgb, tf.uint16), tf.cast(alpha, tf.uint16)
    sum_ = rgb * alpha + 255 * (255 - alpha)
    return tf.cast((sum_ + 127) // 255, tf.uint8)


def _from_jpeg(encoded, size):
    """Returns RGB at an eighth, a quarter or a half if large.

    As Pillow's `draft` has it: where that is still twice what is asked for.
    The decoder of TensorFlow is set to what Pillow's does.
    """
    sides = tf.io.extract_jpeg_shape(encoded, tf.int64)[:2]
    times = tf.reduce_min(sides) // (2 * max(size))
    step = tf.reduce_sum(tf.cast(times >= [2, 4, 8], tf.int32))

    def at(ratio):
        return lambda: tf.io.decode_jpeg(
            encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
        )

    checked = _check_size(tf.reduce_prod(sides), _MOST_IN_JPEG)
    with tf.control_dependencies([checked]):
        return tf.switch_case(step, [at(ratio) for ratio in (1, 2, 4, 8)])


def _check_size(count, most):
    words = f"a picture must have at most {most} pixels in this format"
    return tf.debugging.Assert(count <= most, [words])
