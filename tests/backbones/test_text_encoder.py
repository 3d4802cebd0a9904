"""Is the backbone that was asked for had, or is it said what to do?"""

import keras
import numpy as np
import pytest
import text_data

from aet_keras.backbones import load_text_encoder, load_text_packing
from aet_keras.backbones.text_packing import kept_text_packing
from aet_keras.errors import WeightsError


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return text_data.save_preset(tmp_path_factory.mktemp("preset"))


@pytest.fixture(scope="module")
def file(preset):
    """Returns the same backbone as a file, and its vocabulary."""
    import keras_hub

    backbone = keras_hub.models.Backbone.from_preset(str(preset))
    backbone.save(preset / "bert.keras")
    vocabulary = preset / "vocabulary.txt"
    vocabulary.write_text("\n".join(text_data.WORDS) + "\n")
    return preset / "bert.keras", vocabulary


def test_a_folder_and_a_file_give_the_same_network(preset, file):
    tokens = np.array([[2, 6, 7, 3]], "int32")
    rows = {"token_ids": tokens, "padding_mask": tokens * 0 + 1}
    rows["segment_ids"] = tokens * 0

    first, second = load_text_encoder(preset), load_text_encoder(file[0])

    assert first.output_shape == (None, None, 8)
    np.testing.assert_array_equal(first(rows), second(rows))


def test_a_folder_and_a_vocabulary_give_the_same_tokens(preset, file):
    texts = ["The film was GOOD", "", "naïve fun " * 20]

    first = load_text_packing(preset, sequence_length=8)
    second = load_text_packing(file[0], vocabulary=file[1], sequence_length=8)

    packed = first.pack(texts)
    # [CLS] the film was good [SEP]; the third is cut, and ends like all
    assert packed["token_ids"][0].tolist() == [2, 6, 7, 8, 9, 3, 0, 0]
    assert packed["token_ids"][2].tolist() == [2, 1, 15, 1, 15, 1, 15, 3]
    assert packed["padding_mask"].sum(axis=1).tolist() == [6, 2, 8]
    assert first.count(texts).tolist() == [6, 2, 42]
    assert first.most == 16
    for name, rows in second.pack(texts).items():
        np.testing.assert_array_equal(rows, packed[name])


def test_a_packing_is_kept_while_its_files_stay(file, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("\n".join(text_data.WORDS))

    def load(**settings):
        return kept_text_packing(file[0], vocabulary=words, **settings)

    first = load()
    assert load() is first and load(sequence_length=8) is first.resized(8)
    assert first.resized(8).sequence_length == 8
    words.write_text("\n".join([*text_data.WORDS, "night"]))
    second = load()

    assert second is not first
    sizes = [
        x.preprocessor.tokenizer.vocabulary_size() for x in (first, second)
    ]
    assert sizes[1] == sizes[0] + 1


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("gone.keras", "which is not there. Check the path"),
        ("no_such_preset", "a folder that holds one"),
        ("bert_tiny_en_uncasd/", "Nearest: `bert_tiny_en_uncased`"),
    ],
)
def test_a_backbone_that_is_not_there_says_what_to_do(
    name, advice, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(WeightsError, match=advice):
        load_text_encoder(name)


def test_a_network_of_something_else_is_refused(tmp_path):
    pixels = keras.Input((8, 8, 3))
    path = tmp_path / "images.keras"
    keras.Model(pixels, keras.layers.Dense(2)(pixels)).save(path)

    with pytest.raises(WeightsError, match="must be one of .*BertBackbone"):
        load_text_encoder(path)


def test_a_damaged_file_is_said(tmp_path):
    path = tmp_path / "bert.keras"
    path.write_bytes(b"no zip")

    with pytest.raises(WeightsError, match="must be a preset of KerasHub"):
        load_text_encoder(path)


def test_a_vocabulary_goes_with_a_file(preset, file):
    with pytest.raises(ValueError, match="Give `vocabulary`"):
        load_text_packing(file[0])
    with pytest.raises(ValueError, match="Leave it out"):
        load_text_packing(preset, vocabulary=file[1])
    with pytest.raises(WeightsError, match="which is not there"):
        load_text_packing(file[0], vocabulary="gone.txt")
