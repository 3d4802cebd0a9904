"""Does a body that is one block of numbers mean the same, read either way?"""

import json
import random
import re
import types

import pytest
import tensorflow as tf

from aet_keras.serving import _requests
from aet_keras.serving._blocks import read_block

SPECS = {
    "serving_default": tf.TensorSpec([None, 2, 3], tf.uint8, "images"),
    "ids": tf.TensorSpec([None], tf.int64, "ids"),
    "signed": tf.TensorSpec([None, 2], tf.int8, "x"),
    "floats": tf.TensorSpec([None, 2, 1], tf.float32, "x"),
    "halves": tf.TensorSpec([None, 2], tf.bfloat16, "x"),
    "fixed": tf.TensorSpec([2, 3], tf.int32, "x"),
    "open": tf.TensorSpec([None, None], tf.int32, "x"),
    "any": tf.TensorSpec(None, tf.int32, "x"),
    "one": tf.TensorSpec([], tf.int32, "x"),
    "none": tf.TensorSpec([None, 0], tf.int32, "x"),
    "flags": tf.TensorSpec([None, 2], tf.bool, "x"),
    "words": tf.TensorSpec([None, 2], tf.string, "x"),
}
SIGNATURES = {
    name: types.SimpleNamespace(inputs={spec.name: spec})
    for name, spec in SPECS.items()
}
SIGNATURES["two"] = types.SimpleNamespace(inputs=dict.fromkeys("ab"))
# What stands for a number, and what is put between or in the place of signs.
NUMBERS = (
    *("0", "7", "255", "256", "-1", "-0", "00", "01", "1.0", "1e2", "1E400"),
    *("999999999999999", "9007199254740993", "9" * 19, "9" * 400, "70000"),
    *("NaN", "Infinity", "null", "true", '"1"', "[1]", "{}", "", "1 2", "+1"),
    *("\u0663", "0x1", "1_0", ".5", "5.", "1e", "-", '{"b64": "AA=="}'),
)
SIGNS = ("", " ", ",", ", ", " ,", "]", "[", "[]", "{", "}", "\t", "\n", "1")


def general(body):
    """Returns what `_answers` reads where no block is proved."""
    content = _requests.read_json(body)
    name = _requests.signature_name(content)
    if name not in SIGNATURES:
        return None
    inputs = SIGNATURES[name].inputs
    arrays = _requests.read_inputs(content, inputs)
    return name, arrays, _requests.is_row_format(content)


def check(body):
    """Holds the fast way to the general one; returns whether it was taken."""
    found = read_block(body, SIGNATURES, fewest_bytes=0)
    if found is None:
        return False
    name, arrays, is_rows = general(body)  # raises where it refuses
    assert (found.signature, found.is_rows) == (name, is_rows)
    assert found.arrays.keys() == arrays.keys()
    for key, array in arrays.items():
        assert found.arrays[key].dtype == array.dtype
        assert found.arrays[key].shape == array.shape
        assert found.arrays[key].tobytes() == array.tobytes()  # -0.0 is not 0.0
    return True


def values(shape, most, dice):
    if not shape:
        return dice.randint(0, most)
    return [values(shape[1:], most, dice) for _ in range(shape[0])]


def body_of(name, dice):
    """Returns a body that fits a signature, mostly, as text."""
    spec = SPECS[name]
    rank = dice.randint(0, 3) if spec.shape.rank is None else spec.shape.rank
    sizes = spec.shape if spec.shape.rank is not None else [None] * rank
    shape = [dice.randint(1, 3) if size is None else size for size in sizes]
    block = values(shape, dice.choice((9, 127, 255, 10**15)), dice)
    body = {"signature_name": name}
    if name == "serving_default" and dice.random() < 0.5:
        body = {}
    key = dice.choice(("instances", "inputs"))
    if key == "inputs" and dice.random() < 0.5:
        block = {dice.choice((spec.name, spec.name, "other")): block}
    body = {**body, key: block}
    if dice.random() < 0.3:
        body = dict(reversed(body.items()))
    separators = dice.choice(((",", ":"), (", ", ": "), (" , ", " : ")))
    return json.dumps(body, separators=separators)


def spoiled(text, dice):
    """Returns the text with a number, a sign or a stretch of it changed."""
    numbers = [found.span() for found in re.finditer(r"\d+", text)]
    start, end = dice.choice(numbers or [(0, 0)])
    kind = dice.random()
    if kind < 0.4:
        return text[:start] + dice.choice(NUMBERS) + text[end:]
    at = dice.randrange(len(text))
    if kind < 0.8:
        return text[:at] + dice.choice(SIGNS) + text[at + dice.randint(0, 1) :]
    end = min(len(text), at + dice.randint(1, 6))
    return text[:at] + text[at:end] * dice.choice((0, 2)) + text[end:]


def test_what_is_read_fast_is_what_the_general_way_reads():
    dice, taken, spoiled_and_taken = random.Random(0), 0, 0

    for _ in range(3000):
        text = body_of(dice.choice(list(SPECS)), dice)
        taken += check(text.encode())
        for _ in range(dice.randint(1, 2)):
            text = spoiled(text, dice)
        spoiled_and_taken += check(text.encode(errors="surrogatepass"))

    assert taken > 300  # or it has compared nothing
    assert spoiled_and_taken > 20


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [[[1, 2, 3], [4, 5, 6]]]}',
        '{"instances":[[[1,2,3],[4,5,6]],[[0,0,0],[255,10,100]]]}',
        ' {"inputs" : [[[1, 2, 3], [4, 5, 6]]]\n, "signature_name":""}\r\n',
        '{"inputs": {"images": [[[1, 2, 3], [4, 5, 6]]]}}',
        '{"signature_name": "floats", "instances": [[[1], [70000]]]}',
        '{"signature_name": "halves", "instances": [[257, 999999999999999]]}',
        '{"signature_name": "fixed", "inputs": [[1, 2, 3], [4, 5, 6]]}',
        '{"signature_name": "ids", "inputs": [0, 12, 999999999999999]}',
    ],
)
def test_a_block_is_read_fast(body):
    assert check(body.encode())
    assert check(bytearray(body.encode()))


@pytest.mark.parametrize(
    "block",
    [
        "[[[1, 2, 3], [4, 5, 256]]]",
        "[[[1, 2, 3], [4, 5, -6]]]",
        "[[[1, 2, 3], [4, 5, 6.0]]]",
        "[[[1, 2, 3], [4, 5, 06]]]",
        "[[[1, 2, 3], [4, 5, ]]]",
        "[[[1, 2, 3], [4, 5 5, ]]]",
        "[[[1, 2, 3], [4,5 5, 6]]]",
        "[[[1, 2, 3], [4, 5, 6], ]]",
        "[[[1, 2, 3], [4, 5]]]",
        "[[[1, 2, 3], [4, 5, []6]]]",
        "[[[1, 2, 3]4, [, 5, 6]]]",
        "[1[[, 2, 3], [4, 5, 6]]]",
        "1[[[2, 3, 4], [5, 6, ]]]",
        "[[[1, 2, 3], [4, 5, 6]]]6",
        "[[[1, 2, 3], [4, 5, \u0666]]]",
        "[]",
        "",
        "7",
    ],
)
def test_what_is_no_such_block_is_left_to_the_general_way(block):
    body = '{"instances": ' + block + "}"

    assert read_block(body.encode(), SIGNATURES, fewest_bytes=0) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": BLOCK, "inputs": BLOCK}',
        '{"instances": [0], "instances": BLOCK}',
        '{"instances": BLOCK, "more": "]"}',
        '{"signature_name": "a", "signature_name": "b", "instances": BLOCK}',
        '{"signature_name": "b", "instances": BLOCK, "signature_name": "a"}',
        '{"signature_name": "no such", "instances": BLOCK}',
        '{"instances": {"images": BLOCK}}',
        '{"instances": BLOCK}}',
        '{"inputs": {"images": BLOCK}',
        '{"inputs": {"other": BLOCK}}',
        '\ufeff{"instances": BLOCK}',
        '{"instances": BLOCK}\0',
        '{"instances": BLOCK} 1',
        '[{"instances": BLOCK}]',
        '{"text": "{\\"instances\\": BLOCK}"}',
    ],
)
def test_what_is_around_a_block_must_be_known(body):
    body = body.replace("BLOCK", "[[[1, 2, 3], [4, 5, 6]]]")

    assert read_block(body.encode(), SIGNATURES, fewest_bytes=0) is None


def test_cells_of_a_table_are_left_to_the_general_way():
    body = b'{"signature_name": "ids", "inputs": [1, 2]}'

    assert read_block(body, SIGNATURES, {"ids"}, fewest_bytes=0) is None
    assert read_block(body, SIGNATURES, fewest_bytes=1000) is None
