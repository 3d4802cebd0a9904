"""Is a recipe file that a person or a disk got wrong said in one sentence?"""

import json
import os
import random

import pytest

from aet_keras import policies, recipes
from aet_keras.recipes.shared_settings import RATE_POLICIES, THAW_POLICIES

_POLICIES = sorted({*THAW_POLICIES, *RATE_POLICIES})
_VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    -0.0,
    10**400,
    2**63,
    "",
    "x",
    "\0",
    "\ud800",
    "auto",
    "base64",
    "None",
    "digits",
    "a" * 12_000,
    [],
    [1, [2]],
    ["x"] * 5_000,
    {},
    {"policy": []},
    {"policy": {"a": 1}},
    {"x": "number"},
    {"x": ["number"]},
    float("nan"),
    float("inf"),
)
_BASES = (
    recipes.Recipe("digits"),
    recipes.TextRecipe("a.csv"),
    recipes.TableRecipe("a.csv", "paid"),
    recipes.RatingRecipe("a.csv"),
)


def _mutated(chance):
    """Returns the bytes of a recipe in which something is wrong."""
    content = chance.choice(_BASES).to_json()
    for _ in range(chance.randint(1, 3)):
        name = chance.choice([*content, "epoch", "target", "user", "x" * 9_999])
        value = chance.choice(_VALUES)
        if chance.random() < 0.3:
            policy = getattr(policies, chance.choice(_POLICIES))
            config = {"policy": policy.__name__}
            for argument in policy.__init__.__annotations__:
                if argument != "return" and chance.random() < 0.5:
                    config[argument] = chance.choice(_VALUES)
            name, value = chance.choice(["thaw", "rate"]), config
        if chance.random() < 0.1:
            content.pop(name, None)
        else:
            content[name] = value
    raw = json.dumps(content).encode()
    return _damaged(raw, chance) if chance.random() < 0.4 else raw


def _damaged(raw, chance):
    at = chance.randrange(len(raw))
    return chance.choice(
        [
            raw[:at],
            raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :],
            b"\xff\xfe" + raw,
            b"\xef\xbb\xbf" + raw,
            raw.decode().encode("utf-16"),
            raw[:-1] + b', "epochs": 3}',
            raw.replace(b"null", b"[" * 2_000 + b"]" * 2_000, 1),
            raw.replace(b"null", b"[" * 400 + b"]" * 400, 1),
            raw.replace(b"null", b'{"a":' * 900 + b"1" + b"}" * 900, 1),
            raw.replace(b"0", b"9" * 5_000, 1),
            b"[" * 200_000,
            b"",
            b"\0" * 99,
        ]
    )


def test_a_thousand_damaged_recipes_are_read_or_refused_in_a_sentence(tmp_path):
    chance, refused, path = random.Random(0), 0, tmp_path / "recipe.json"
    for number in range(1_000):
        path.write_bytes(_mutated(chance))

        try:
            recipe = recipes.load_recipe(path)
        except ValueError as error:
            sentence, refused = str(error), refused + 1
            assert not isinstance(error, UnicodeError), number
            assert len(sentence) < 1_000, (number, sentence)
            owner, colon, _ = sentence.partition(":")
            assert colon and owner.isidentifier(), (number, sentence)
            assert "argument" not in sentence or "`" in sentence, sentence
        else:
            recipe.save(path)  # what was read can be published
            assert recipes.load_recipe(path) == recipe

    assert 500 < refused < 1_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"data": "digits", "epochs": 1, "epochs": 2}', "'epochs' twice"),
        ('{"data": "a.csv", "positive": "x"}', "`target` .*must be given"),
        ('{"data": "a.csv", "user_features": "age"}', "`user_features` must"),
        ('{"data": "a.csv", "user_features": 3}', "`user_features` must"),
        ('{"data": "digits", "seed": 4294967296}', "at most 4294967295"),
        ('{"data": "digits", "epochs": "3"}', "`epochs` must be an int"),
        ('{"data": "digits", "augment": ["flip"]}', "`augment` must be one of"),
        ('{"data": "digits", "thaw": {"policy": []}}', "no policy `\\[\\]`"),
        ('{"data": "digits", "thaw": "ThawAll"}', "written as a dict"),
        (
            '{"data": "a.csv", "target": "y", "kinds": {"x": ["number"]}}',
            "`kinds` must be one of",
        ),
        (
            '{"data": "a.csv", "target": "y", "encoding": "utf-9"}',
            "one that Python knows",
        ),
    ],
)
def test_a_value_of_another_kind_or_range_is_named(tmp_path, text, said):
    path = tmp_path / "recipe.json"
    path.write_text(text)

    with pytest.raises(ValueError, match=said):
        recipes.load_recipe(path)


def test_a_recipe_of_0_9_0_is_still_read(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"data": "a.csv", "target": "y", "encoding": "utf-8"}')

    assert recipes.load_recipe(path).encoding == "utf-8"


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "nothing"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "recipe.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)

    with pytest.raises(OSError, match="Recipe: a recipe must be a file"):
        recipes.load_recipe(path)
