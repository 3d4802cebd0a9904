"""Decodes images inside a graph.

As `data.decoding` reads one for training, to the same pixels: upright, laid
on white, RGB, stretched to the size as Pillow does it. What only training
reads is refused here: formats other than JPEG and PNG, and PNGs of more than
2**25 pixels.
"""

import tensorflow as tf

CHANNELS = (1, 3)

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"

# A file of 100 kB can hold an image of a gigabyte. For a JPEG, which is
# decoded small, the limit is that of Pillow in training; for a PNG, 8K.
_MOST_IN_JPEG, _MOST_IN_PNG = 89_478_485, 2**25

_EXIF = b"Exif\x00\x00"
_MOST_EXIF = 65536  # bytes of a block that are looked at: a JPEG holds no more
_MOST_PARTS = 65536  # segments or chunks of a file
_ENTRY = 12  # bytes of an entry in a directory

_BITS = 22  # of a weight, behind the point: 32, less 8 of a pixel, less 2
_STRIP = 2**15  # pixels that are turned to 32 bits at once


def decode_images(encoded: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Decodes strings `(batch,)` to uint8 `(batch, *shape)`."""
    return tf.map_fn(
        lambda image: _decode(image, shape),
        encoded,
        fn_output_signature=tf.TensorSpec(shape, tf.uint8),
    )


def _decode(encoded, shape):
    *size, channels = shape
    is_png, is_jpeg = _begins(encoded, _PNG), _begins(encoded, _JPEG)
    kinds = "an image must be the bytes of a JPEG or PNG file"
    with tf.control_dependencies(
        [tf.debugging.Assert(is_png | is_jpeg, [kinds])]
    ):
        rgb = tf.cond(
            is_png,
            lambda: _from_png(encoded),
            lambda: _from_jpeg(encoded, size),
        )
    rgb = _upright(rgb, encoded, is_png)
    if channels == 1:
        grey = tf.image.rgb_to_grayscale(tf.cast(rgb, tf.float32))
        rgb = tf.cast(tf.round(grey), tf.uint8)
    is_of_size = tf.reduce_all(tf.shape(rgb)[:2] == tf.constant(size))
    resized = tf.cond(is_of_size, lambda: rgb, lambda: _resize(rgb, size))
    return tf.ensure_shape(resized, shape)


def _begins(encoded, mark):
    return tf.equal(tf.strings.substr(encoded, 0, len(mark)), mark)


def _from_png(encoded):
    """Returns RGB on white."""
    header = _bytes_at(encoded, 16, 10)
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
    is_opaque &= (kind != 3) | ~_has_clear_colours(encoded, is_opaque)
    is_opaque |= (depth == 16) & (kind == 2)
    return tf.cond(is_opaque, lambda: rgb, lambda: _on_white(rgb, alpha))


def _has_clear_colours(encoded, is_asked):
    """Says whether a palette has alphas, which may all be such a number."""
    chunk = tf.cond(is_asked, lambda: _chunk(encoded, b"tRNS"), lambda: b"")
    return tf.strings.length(chunk) > 0


def _on_white(rgb, alpha):
    """Lays on white in 16 bits: a large image in 32 fills the memory."""
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
    words = f"an image must have at most {most} pixels in this format"
    return tf.debugging.Assert(count <= most, [words])


def _upright(
    pixels: tf.Tensor, encoded: tf.Tensor, is_png: tf.Tensor
) -> tf.Tensor:
    """Turns the pixels of a file as its EXIF says; most stay as they are.

    `data.decoding` reads the same block by the same rules for training: the
    first directory, an entry `0x0112` of one short from 1 to 8. All else is
    upright.
    """
    block = tf.cond(
        is_png, lambda: _block_of_png(encoded), lambda: _block_of_jpeg(encoded)
    )
    code = tf.cond(
        tf.strings.length(block) > 0,
        lambda: _read_orientation(block),
        lambda: 1,
    )
    return tf.cond(code > 1, lambda: _turn(pixels, code), lambda: pixels)


def _bytes_at(encoded: tf.Tensor, position: tf.Tensor, count: int) -> tf.Tensor:
    """Returns bytes of a file as int32; 0 for those after the end."""
    start = tf.minimum(position, tf.strings.length(encoded))
    part = tf.strings.substr(encoded, start, count)
    padded = tf.strings.join([part, b"\0" * count])
    return tf.cast(tf.io.decode_raw(padded, tf.uint8)[:count], tf.int32)


def _turn(pixels, code):
    def one_of(*codes):
        return tf.reduce_any(code == tf.constant(codes))

    steps = (
        (code >= 5, lambda x: tf.transpose(x, (1, 0, 2))),
        (one_of(2, 3, 6, 7), lambda x: tf.reverse(x, [1])),
        (one_of(3, 4, 7, 8), lambda x: tf.reverse(x, [0])),
    )
    for is_due, turn in steps:
        pixels = tf.cond(
            is_due, lambda t=turn, x=pixels: t(x), lambda x=pixels: x
        )
    return pixels


def _block_of_jpeg(encoded):
    """Returns the first EXIF segment before the data, or nothing."""
    end = tf.strings.length(encoded)

    def look(at, start, count):
        head = _bytes_at(encoded, at, 10)
        is_mark, kind = head[0] == 0xFF, head[1]
        size = head[2] * 256 + head[3]
        is_name = tf.reduce_all(head[4:] == tf.constant(list(_EXIF)))
        if_exif = is_mark & (kind == 0xE1) & is_name
        # 01, and D0 to D9, have no length; FF fills up, 00 is an escaped FF.
        is_bare = (kind <= 1) | ((kind >= 0xD0) & (kind <= 0xD9))
        step = tf.where(is_bare, 2, 2 + size)
        step = tf.where(is_mark & (kind != 0xFF), step, 1)
        is_data = is_mark & (kind == 0xDA)
        return (
            tf.where(is_data, end, at + step),
            tf.where(if_exif, at + 4, start),
            tf.where(if_exif, size - 2, count),
        )

    _, start, count = tf.while_loop(
        lambda at, start, count: (at < end) & (start == 0),
        look,
        (tf.constant(2), tf.constant(0), tf.constant(0)),
        maximum_iterations=_MOST_PARTS,
    )
    return tf.strings.substr(encoded, start, tf.maximum(count, 0))


def _block_of_png(encoded):
    """Returns the last chunk of EXIF, or nothing.

    A PNG has a chunk for each few kilobytes, so they are gone through only
    where the name of such a chunk is found at all.
    """
    is_named = tf.strings.regex_full_match(encoded, r"(?s)\C*eXIf\C*")
    return tf.cond(is_named, lambda: _chunk(encoded, b"eXIf"), lambda: b"")


def _chunk(encoded, wanted):
    """Returns what the last chunk of a name holds, or nothing."""
    end = tf.strings.length(encoded)

    def look(at, start, count):
        head = _bytes_at(encoded, at, 8)
        is_whole = head[0] < 64  # else the chunk is longer than any file
        size = tf.reduce_sum(
            head[:4] * tf.constant([0, 1 << 16, 1 << 8, 1])
        ) + tf.where(is_whole, head[0], 0) * (1 << 24)
        name = head[4:]
        is_it = tf.reduce_all(name == tf.constant(list(wanted)))
        is_last = tf.reduce_all(name == tf.constant(list(b"IEND")))
        is_over = is_last | ~is_whole | (size > end - at)
        return (
            tf.where(is_over, end, at + 12 + size),
            tf.where(is_it & is_whole, at + 8, start),
            tf.where(is_it & is_whole, size, count),
        )

    _, start, count = tf.while_loop(
        lambda at, start, count: at < end,
        look,
        (tf.constant(8), tf.constant(0), tf.constant(0)),
        maximum_iterations=_MOST_PARTS,
    )
    return tf.strings.substr(encoded, start, count)


def _read_orientation(block):
    """Returns the orientation that a block of EXIF holds; 1 if none."""
    block = tf.strings.substr(block, 0, _MOST_EXIF)
    block = tf.strings.regex_replace(block, r"^(?:Exif\x00\x00){1,2}", "")
    is_little = tf.strings.substr(block, 0, 4) == b"II*\0"
    is_big = tf.strings.substr(block, 0, 4) == b"MM\0*"
    size = tf.strings.length(block)
    read = tf.io.decode_raw(tf.strings.join([block, b"\0" * 16]), tf.uint8)
    read = tf.cast(read, tf.int32)

    def short(at):
        low, high = tf.gather(read, at), tf.gather(read, at + 1)
        return tf.where(is_little, low + 256 * high, 256 * low + high)

    low, high = short(4), short(6)
    low, high = tf.where(is_little, low, high), tf.where(is_little, high, low)
    start = low + 65536 * tf.where(high < 2, high, 1)
    is_there = (is_little | is_big) & (start + 2 <= size)
    start = tf.where(is_there, start, 0)
    most_entries = (size - start - 2) // _ENTRY
    count = tf.where(is_there, tf.minimum(short(start), most_entries), 0)
    entries = start + 2 + _ENTRY * tf.range(tf.maximum(count, 0))
    found = tf.boolean_mask(entries, short(entries) == 0x0112)[:1]
    is_short = (short(found + 2) == 3) & (short(found + 8) <= 8)
    codes = tf.boolean_mask(short(found + 8), is_short)
    return tf.reduce_max(tf.concat([codes, [1]], axis=0))


def _resize(pixels: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Resizes uint8 `(rows, columns, channels)` to `(*size, channels)`.

    Training resizes with Pillow: bilinear, widened where it shrinks, in whole
    numbers, first the columns and then the rows, each rounded to 8 bits.
    `tf.image.resize` computes in floats and rounds once; answers then differed
    by up to 0.3 points of a hundred. What Pillow does is two products of a
    sparse matrix with the image, in integers of 32 bits.
    """
    height, width = size
    shape = tf.shape(pixels)
    rows, columns, channels = shape[0], shape[1], shape[2]
    weights = _weights(columns, width)
    step = tf.maximum(1, _STRIP // columns)

    def narrow(strip):
        part = pixels[strip * step : (strip + 1) * step]
        part = tf.transpose(part, (1, 0, 2))  # (columns, rows, channels)
        return _product(weights, part, width)

    narrowed = _joined(narrow, (rows + step - 1) // step, channels, width)
    upright = tf.transpose(narrowed, (1, 0, 2))  # (rows, width, channels)
    return _product(_weights(rows, height), upright, height)


def _joined(narrow, count, channels, width):
    """Returns the strips side by side, never all of them in 32 bits."""
    made = tf.TensorArray(tf.uint8, count, infer_shape=False)
    _, made = tf.while_loop(
        lambda strip, made: strip < count,
        lambda strip, made: (
            strip + 1,
            # `concat` joins along the first axis.
            made.write(strip, tf.transpose(narrow(strip), (1, 0, 2))),
        ),
        (0, made),
        parallel_iterations=1,
    )
    joined = tf.reshape(made.concat(), (-1, width, channels))
    return tf.transpose(joined, (1, 0, 2))  # (width, rows, channels)


def _product(weights, pixels, count):
    """Weighs the first axis, and rounds halves up as Pillow does."""
    shape = tf.shape(pixels)
    flat = tf.cast(tf.reshape(pixels, (shape[0], -1)), tf.int32)
    sums = tf.sparse.sparse_dense_matmul(weights, flat) + (1 << (_BITS - 1))
    whole = tf.cast(tf.bitwise.right_shift(sums, _BITS), tf.uint8)
    return tf.reshape(whole, (count, shape[1], shape[2]))


def _weights(given, wanted):
    """Returns the weights of resizing, `(wanted, given)`, sparse.

    Each step is Pillow's own, in its order and in 64 bits.
    """
    scale = tf.cast(given, tf.float64) / wanted
    reach = tf.maximum(scale, 1.0)
    taps = 2 * tf.cast(tf.math.ceil(reach), tf.int32) + 1
    places = tf.range(wanted)
    centres = (tf.cast(places, tf.float64) + 0.5) * scale
    first = tf.maximum(tf.cast(centres - reach + 0.5, tf.int32), 0)
    last = tf.minimum(tf.cast(centres + reach + 0.5, tf.int32), given)
    taken = first[:, None] + tf.range(taps)  # (wanted, taps)
    away = tf.cast(taken, tf.float64) - centres[:, None] + 0.5
    part = tf.maximum(1.0 - tf.abs(away * (1.0 / reach)), 0.0)
    part = tf.where(taken < last[:, None], part, 0.0)
    part /= tf.reduce_sum(part, axis=1, keepdims=True)
    whole = tf.cast(0.5 + part * (1 << _BITS), tf.int32)
    rows = tf.repeat(places, taps)
    columns = tf.minimum(tf.reshape(taken, (-1,)), given - 1)
    return tf.SparseTensor(
        tf.cast(tf.stack([rows, columns], axis=1), tf.int64),
        tf.reshape(whole, (-1,)),
        tf.cast(tf.stack([wanted, given]), tf.int64),
    )
