"""Does a run on streamed images end as the run on their array does?"""

import collections
import os
import pathlib

import image_folders
import image_models
import keras
import lean_charts
import numpy as np
import pytest

from aet_keras.data import image_decoding, streamed_images
from aet_keras.errors import DataError
from aet_keras.recipes import Recipe
from aet_keras.training import old_rows, run_recipe


@pytest.fixture(autouse=True, scope="module")
def tiny():
    """Puts three convolutions of 8 pixels in the place of every backbone."""

    def load(name, *, weights=None, image_size=None):
        return image_models.backbone()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aet_keras.backbones.load_backbone", load)
        yield


@pytest.fixture
def photos(tmp_path):
    return image_folders.copy_images(tmp_path / "photos")


def recipe(photos, **settings):
    thaw = {"policy": "ThawOnSchedule", "every_epochs": 3}
    return Recipe(
        str(photos), image_size=8, epochs=4, augment="none", batch_size=8,
        learning_rate=0.01, thaw=thaw, train_batch_normalization=False,
        **settings,
    )  # fmt: skip


@pytest.fixture
def decoded(monkeypatch):
    """Counts how often each image is decoded after it was read."""
    found = collections.Counter()

    def decode(source, image_size):
        found[source] += 1
        return image_decoding.decode(source, image_size)

    monkeypatch.setattr(streamed_images, "decode", decode)
    return found


@pytest.mark.drawn
def test_weights_and_report_are_those_of_the_array(
    photos, tmp_path, decoded, unserved, monkeypatch
):
    lean_charts.leave_report_blank(monkeypatch)

    held, streamed = (
        run_recipe(recipe(photos, stream=stream), tmp_path / str(stream) / "a")
        for stream in (False, True)
    )

    for ours, theirs in zip(
        streamed.model.get_weights(), held.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert streamed.report.history == held.report.history
    assert streamed.report.test == held.report.test
    assert streamed.report.mistakes == held.report.mistakes
    drawn = [each.version / "top_losses.png" for each in (held, streamed)]
    assert drawn[0].read_bytes() == drawn[1].read_bytes()
    references = [each.version / "reference.npz" for each in (held, streamed)]
    with np.load(references[0]) as old, np.load(references[1]) as new:
        assert old.files == new.files
        for name in old.files:
            np.testing.assert_array_equal(new[name], old[name])
    names = streamed.report.test.per_class
    old = old_rows.read_own_rows(
        streamed.version, streamed.model, [each.name for each in names]
    )
    x, y = old.held  # what `adapt` judges by: arrays, read once
    assert type(x) is np.ndarray and len(x) == len(y) == 20
    np.testing.assert_array_equal(x, old.dataset.validation.inputs[:])


def test_an_image_is_decoded_once_for_each_boundary(
    photos, tmp_path, decoded, unserved
):
    class Epochs(keras.callbacks.Callback):
        counts = []

        def on_epoch_begin(self, epoch, logs=None):
            self.counts.append(decoded.total())

    run_recipe(
        recipe(photos, stream=True), tmp_path / "out", observers=[Epochs()]
    )

    first, second, third, *_ = np.diff(Epochs.counts)
    assert first >= 80, "train and validation are recorded"
    # One real batch shows that rows are the same; some more are read ahead.
    ahead = 2 * 20 + 8 * (3 + min(os.cpu_count() or 1, 16))
    assert max(second, third) <= min(ahead, 80)


def test_an_image_that_breaks_in_the_middle_ends_the_run_with_its_name(
    photos, tmp_path
):
    broken = []

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3 and not broken:  # the next boundary decodes again
                for path in sorted(pathlib.Path(photos).glob("*/*.png")):
                    path.write_bytes(path.read_bytes()[:40])
                    broken.append(path)

    with pytest.raises(DataError, match=f"{photos}.*--no-stream"):
        run_recipe(
            recipe(photos, stream=True), tmp_path / "out", observers=[Break()]
        )
