"""Is a reference kept whole, and known to be of one model?"""

import dataclasses

import drift_samples
import image_models
import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from aet_keras.drift import Reference, compare
from aet_keras.drift.batch_statistics import measure_moments
from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.target_kinds import judge_of
from aet_keras.errors import ExportError
from aet_keras.evaluation.answer_rule import AnswerRule
from aet_keras.evaluation.ordinal import medians


@pytest.fixture(scope="module")
def measured():
    """Returns a model, rows and the model's reference."""
    model = image_models.classifier()
    x, y = image_models.noise_images(40)
    names = ("hat", "shoe", "été")
    return (
        model,
        (x, y),
        Reference.measure(model, x, (x, y), class_names=names),
    )


def test_components_are_those_of_scikit_learn():
    train, held = drift_samples.outputs(90, 0), drift_samples.outputs(50, 1)

    found = Reference.of_outputs(train, held)

    known = PCA(8).fit(train.features).transform(held.features)
    np.testing.assert_allclose(
        np.abs(found.projections), np.abs(known), atol=1e-3
    )


def test_wide_features_of_few_rows_have_the_same_components():
    train = drift_samples.outputs(6, 0)

    found = Reference.of_outputs(train, drift_samples.outputs(50, 1))

    directions = PCA(5).fit(train.features).components_
    np.testing.assert_allclose(
        np.abs(found.basis.T), np.abs(directions), atol=1e-3
    )


def test_it_knows_shares_and_accuracy(measured):
    model, (x, y), reference = measured

    right = np.asarray(model(x)).argmax(axis=1) == y
    assert reference.accuracy == pytest.approx(right.mean())
    np.testing.assert_allclose(reference.priors, np.bincount(y) / 40)


def test_accuracy_is_of_what_is_answered(tmp_path):
    labelled = drift_samples.outputs(300, 1)
    rule = AnswerRule(is_ordered=True)
    found = Reference.of_outputs(drift_samples.outputs(90, 0), labelled)
    found = dataclasses.replace(found, rule=rule)

    loaded = Reference.load(found.save(tmp_path / "reference.npz"))
    shift = compare_outputs(loaded, labelled)

    answers = medians(labelled.probabilities)
    assert (answers != labelled.probabilities.argmax(axis=1)).sum() > 3
    right = (answers == labelled.labels).mean()
    assert loaded.accuracy == shift.accuracy == shift.source_accuracy == right
    judge = judge_of("classes", answers=loaded.answers)
    assert judge.answers(labelled.probabilities, ()).tolist() == [*answers]
    wider = np.array([[0.4, 0.0, 0.25, 0.35]])  # a new class has no place
    assert judge.answers(wider, ()).tolist() == [0]


def test_what_is_saved_is_loaded(measured, tmp_path):
    columns = {"age": np.array([1.0, np.nan], "float32"), "town": ["", "Łódź"]}
    reference = dataclasses.replace(
        measured[2], columns={k: np.array(v) for k, v in columns.items()}
    )

    loaded = Reference.load(reference.save(tmp_path / "reference.npz"))

    assert loaded.class_names == ("hat", "shoe", "été")
    assert loaded.model == reference.model
    for name in ("probabilities", "labels", "projections", "center", "basis"):
        np.testing.assert_array_equal(
            getattr(loaded, name), getattr(reference, name)
        )
    for name, cells in reference.columns.items():
        np.testing.assert_array_equal(loaded.columns[name], cells)


def test_a_saved_model_is_known_again(measured, tmp_path):
    model, (x, _), reference = measured
    model.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras", compile=False)

    reference.check_model(again)
    with pytest.raises(ValueError, match="measured on this model"):
        compare(image_models.classifier(), reference, x)


def test_moments_of_batch_normalization_are_kept(tmp_path):
    model = image_models.classifier()
    x, y = image_models.noise_images(120)
    expected = measure_moments(model, x)

    measured = Reference.measure(model, x, (x, y))
    loaded = Reference.load(measured.save(tmp_path / "reference.npz"))

    assert measured.moments.count == loaded.moments.count == 120
    assert len(loaded.moments.means) == len(expected.means) == 3
    for name in ("means", "variances"):
        pairs = zip(
            getattr(loaded.moments, name), getattr(expected, name), strict=True
        )
        for found, known in pairs:
            np.testing.assert_allclose(found, known, rtol=1e-5, atol=1e-7)


def _flip(content):
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 1])
    return content[:middle] + flipped + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [_flip, lambda content: content[:-9], lambda content: b"", None],
    ids=["flipped", "cut", "empty", "missing"],
)
def test_a_damaged_file_is_refused(damage, measured, tmp_path):
    path = measured[2].save(tmp_path / "reference.npz")
    path.write_bytes(damage(path.read_bytes())) if damage else path.unlink()

    with pytest.raises(ExportError, match="must be a whole reference"):
        Reference.load(path)


def test_an_archive_of_other_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "reference.npz", labels=np.arange(3))

    with pytest.raises(ExportError, match="must be a whole reference"):
        Reference.load(tmp_path / "reference.npz")


@pytest.mark.parametrize("labels", [None, [0] * 4, [3] * 50])
def test_validation_rows_have_labels_of_known_classes(labels):
    held = dataclasses.replace(
        drift_samples.outputs(50, 1),
        labels=None if labels is None else np.array(labels),
    )

    with pytest.raises(ValueError, match="^Reference: "):
        Reference.of_outputs(drift_samples.outputs(50, 0), held)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match="of the width 5, not 8"):
        drift_samples.reference().project(np.ones((2, 5)))
