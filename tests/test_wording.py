from aet_keras import _wording as wording


def test_one_is_counted_in_the_singular():
    assert wording.counted(1, "row") == "1 row"
    assert wording.counted(3, "row") == "3 rows"
    assert wording.counted(0, "class is", "classes are") == "0 classes are"


def test_long_lists_are_cut_and_counted():
    assert wording.listed("abc") == "a, b, c"
    assert wording.listed("abcde", 2) == "a, b and 3 more"
    assert wording.quoted(["age", "paid"]) == "`age`, `paid`"


def test_long_texts_are_cut():
    assert wording.short("x" * 24) == "x" * 24
    assert wording.short("x" * 25) == "x" * 23 + "…"


def test_a_near_name_is_a_sentence_and_a_far_one_none():
    assert wording.nearest("aeg", ["age", "paid"]) == " Nearest: `age`."
    assert wording.nearest("zzz", ["age"]) == ""
