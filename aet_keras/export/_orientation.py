"""Reads from EXIF how the camera was held, inside a graph.

`data.decoding` reads the same block by the same rules for training: the first
directory, an entry `0x0112` of one short from 1 to 8. All else is upright.
"""

import tensorflow as tf

_EXIF = b"Exif\x00\x00"
_MOST = 65536  # bytes of a block that are looked at: a JPEG holds no more
_MOST_PARTS = 65536  # segments or chunks of a file
_ENTRY = 12  # bytes of an entry in a directory


def upright(
    pixels: tf.Tensor, encoded: tf.Tensor, is_png: tf.Tensor
) -> tf.Tensor:
    """Turns the pixels of a file as the file says; most stay as they are."""
    block = tf.cond(
        is_png, lambda: _block_of_png(encoded), lambda: _block_of_jpeg(encoded)
    )
    code = tf.cond(
        tf.strings.length(block) > 0, lambda: _read(block), lambda: 1
    )
    return tf.cond(code > 1, lambda: _turn(pixels, code), lambda: pixels)


def bytes_at(encoded: tf.Tensor, position: tf.Tensor, count: int) -> tf.Tensor:
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
        head = bytes_at(encoded, at, 10)
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
    return tf.cond(is_named, lambda: _chunk(encoded), lambda: b"")


def _chunk(encoded):
    end = tf.strings.length(encoded)

    def look(at, start, count):
        head = bytes_at(encoded, at, 8)
        is_whole = head[0] < 64  # else the chunk is longer than any file
        size = tf.reduce_sum(
            head[:4] * tf.constant([0, 1 << 16, 1 << 8, 1])
        ) + tf.where(is_whole, head[0], 0) * (1 << 24)
        name = head[4:]
        is_exif = tf.reduce_all(name == tf.constant(list(b"eXIf")))
        is_last = tf.reduce_all(name == tf.constant(list(b"IEND")))
        is_over = is_last | ~is_whole | (size > end - at)
        return (
            tf.where(is_over, end, at + 12 + size),
            tf.where(is_exif & is_whole, at + 8, start),
            tf.where(is_exif & is_whole, size, count),
        )

    _, start, count = tf.while_loop(
        lambda at, start, count: at < end,
        look,
        (tf.constant(8), tf.constant(0), tf.constant(0)),
        maximum_iterations=_MOST_PARTS,
    )
    return tf.strings.substr(encoded, start, count)


def _read(block):
    """Returns the orientation that a block of EXIF holds; 1 if none."""
    block = tf.strings.substr(block, 0, _MOST)
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
    room = (size - start - 2) // _ENTRY
    count = tf.where(is_there, tf.minimum(short(start), room), 0)
    entries = start + 2 + _ENTRY * tf.range(tf.maximum(count, 0))
    found = tf.boolean_mask(entries, short(entries) == 0x0112)[:1]
    is_short = (short(found + 2) == 3) & (short(found + 8) <= 8)
    codes = tf.boolean_mask(short(found + 8), is_short)
    return tf.reduce_max(tf.concat([codes, [1]], axis=0))
