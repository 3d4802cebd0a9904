"""Are the texts of a TFDS data set read as they lie there?"""

import pytest
import tensorflow_datasets as tfds

from aet_keras.data import read_texts
from aet_keras.data.text_reading import read_text_tfds
from aet_keras.errors import DataError

COUNTS = {"train": 20, "test": 8, "unsupervised": 4}


class Reviews(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Looks like `imdb_reviews`: its last split has no labels."""

    VERSION = tfds.core.Version("1.0.0")
    __module__ = "__main__"

    def _info(self):
        features = {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
        }
        features = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(name) for name in COUNTS}

    def _generate_examples(self, name):
        for row in range(COUNTS[name]):
            label = -1 if name == "unsupervised" else row % 2
            text = f"{name} {row}: {'très bien' if row % 2 else 'awful'}"
            yield row, {"text": text, "label": label}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    Reviews(data_dir=folder).download_and_prepare()
    return folder


def test_a_prepared_data_set_is_read_by_its_name(prepared, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))

    dataset = read_texts("tfds:reviews")

    parts = dataset.train, dataset.validation, dataset.test
    assert [part.count for part in parts] == [16, 4, 8]
    assert dataset.specification.class_names == ("neg", "pos")
    for part in parts:
        is_good = [text.endswith("très bien") for text in part.inputs]
        assert is_good == part.labels.astype(bool).tolist()
    assert dataset.notes == ("The split `unsupervised` was left out.",)


def test_a_data_set_of_images_is_refused():
    with pytest.raises(DataError, match="one `Text`.*to a folder instead"):
        from aet_keras.data.tfds_source import find_features

        find_features({"image": tfds.features.Image()}, "tfds:x", "Text")


def test_a_name_that_is_not_there_says_the_nearest():
    with pytest.raises(DataError, match="Nearest: `imdb_reviews`"):
        read_text_tfds("imdb_review")
