"""Keeps what a classifier made of rows that it was validated on."""

import dataclasses
import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import scipy.linalg
import xxhash

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._files import write_whole
from aet_keras._keras.normalization import normalizations
from aet_keras.drift.batch_statistics import (
    LEAST_ROWS,
    Moments,
    measure_moments,
)
from aet_keras.drift.model_outputs import (
    ModelOutputs,
    OutputReader,
    sum_of_weights,
)
from aet_keras.drift.row_batches import sample_inputs
from aet_keras.drift.true_values import labels_of_reference
from aet_keras.errors import ExportError
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule

FILE = "reference.npz"
_FORMAT = 1
_ROWS_AT_ONCE = 8192  # that are projected
_COMPONENTS = 16
TRAIN_ROWS, VALIDATION_ROWS = 1000, 2000  # more say little more
_MOMENT_ROWS = 500
_COLUMN, _RULE, _SUM = "column/", "rule", "sum"
_NAMES = {
    "format",
    "probabilities",
    "labels",
    "projections",
    "center",
    "basis",
    "class_names",
    "model",
}
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Reference:
    """Holds how a model answers rows like those it was trained on.

    `aet_keras.drift.compare` compares new rows with it. `Reference.measure`
    makes it, on rows that the model has not learned: validation rows.

    Args:
        probabilities: float32 array `(rows, classes)`; numbers `(rows, 1)`.
        labels: int64 array `(rows,)`, the true classes; or float32 numbers;
            or of tags 0 and 1, `(rows, tags)`.
        projections: float32 array `(rows, components)`. The inputs of the
            head, on the first 16 principal components of training rows.
        center: float32 array `(width,)`. The mean of the training rows.
        basis: float32 array `(width, components)`.
        model: str. A sum of the weights of the model that it was measured on.
        columns: dict from raw columns of a table to their cells `(rows,)`,
            floats or str.
        class_names: tuple of str; empty where they are not known.
        moments: optional `Moments` of training rows, of a model that has
            BatchNormalization; `aet_keras.adapt` moves it relative to them.
        rule: `AnswerRule`, which class is answered, so that accuracy is of
            it. Defaults to the likeliest.

    Example: see `compare`.

    >>> random = np.random.default_rng(0)
    >>> x, y = random.normal(size=(60, 8)), np.arange(60) % 3
    >>> model = keras.Sequential([
    ...     keras.Input((8,)), keras.layers.Dense(3, activation="softmax")
    ... ])
    >>> aet_keras.drift.Reference.measure(model, x[:30], (x[30:], y[30:]))
    Reference(30 rows, 3 classes, 8 components)
    """

    probabilities: np.ndarray
    labels: np.ndarray
    projections: np.ndarray
    center: np.ndarray
    basis: np.ndarray
    model: str
    columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    moments: Moments | None = None
    rule: AnswerRule = LIKELIEST

    def __repr__(self):
        return (
            f"Reference({self.row_count} rows, {self.class_count} classes, "
            f"{self.projections.shape[1]} components)"
        )

    @classmethod
    def measure(
        cls,
        model: keras.Model,
        train: Any,
        validation: Any,
        *,
        class_names: Sequence[str] = (),
        batch_size: int = 128,
        target_kind: str = "classes",
        rule: AnswerRule = LIKELIEST,
    ) -> "Reference":
        """Measures a model, by a pass over up to 3,500 rows.

        Args:
            model: `keras.Model` that ends in a `Dense` layer.
            train: rows that it was trained on; labels are not looked at. As
                of `read_outputs`: arrays, `tf.data.Dataset` or `PyDataset`.
            validation: rows that it was not trained on, with labels:
                `(inputs, labels)`, or a data set of such batches.
            class_names: sequence of str, for sentences. Defaults to none.
            batch_size: int >= 1. Of arrays. Defaults to `128`.
            target_kind: `"classes"`, `"number"` or `"tags"`. Defaults to
                `"classes"`.
            rule: `AnswerRule`, which class is answered. Defaults to the
                likeliest.

        Raises:
            ValueError: if the validation rows have no labels, there are fewer
                than two of them, or the model is no such classifier.
        """
        reader = OutputReader(model, target_kind=target_kind)
        seen, held = (
            reader.read(data, batch_size=batch_size, most_rows=most)
            for data, most in (
                (train, TRAIN_ROWS),
                (validation, VALIDATION_ROWS),
            )
        )
        made = cls.of_outputs(
            seen, held, model=sum_of_weights(model), class_names=class_names
        )
        made = dataclasses.replace(made, rule=rule)
        if seen.row_count < LEAST_ROWS or not normalizations(model):
            return made
        rows = sample_inputs(train, _MOMENT_ROWS)
        return dataclasses.replace(made, moments=measure_moments(model, rows))

    @classmethod
    def of_outputs(
        cls,
        train: ModelOutputs,
        validation: ModelOutputs,
        *,
        model: str = "",
        class_names: Sequence[str] = (),
    ) -> "Reference":
        """Makes the same of outputs that were read before."""
        labels = labels_of_reference(
            validation.probabilities, validation.labels
        )
        center, basis = _principal_components(train.features)
        return cls(
            validation.probabilities,
            labels,
            ((validation.features - center) @ basis).astype("float32"),
            center,
            basis,
            model,
            columns={k: as_cells(v) for k, v in validation.columns.items()},
            class_names=tuple(class_names),
        )

    @property
    def row_count(self) -> int:
        """Returns the number of rows."""
        return len(self.labels)

    @property
    def has_features(self) -> bool:
        """Returns whether it knows more of rows than what is answered."""
        return self.projections is not self.probabilities

    @property
    def class_count(self) -> int:
        """Returns the number of classes; 1 of a number."""
        return self.probabilities.shape[1]

    @property
    def target_kind(self) -> str:
        """Returns `"classes"`, `"number"` or `"tags"`, by what it holds."""
        if self.labels.ndim == 2:
            return "tags"
        return "number" if self.class_count == 1 else "classes"

    @property
    def priors(self) -> np.ndarray:
        """Returns the share of each class in the rows, `(classes,)`."""
        counts = np.bincount(self.labels, minlength=self.class_count)
        return counts / self.row_count

    def answers(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns what is answered; by a wider model, the likeliest class."""
        is_same = probabilities.shape[1] == self.class_count
        return (self.rule if is_same else LIKELIEST).answers(probabilities)

    @property
    def right_answers(self) -> np.ndarray:
        """Returns which rows the model answers rightly, bools `(rows,)`."""
        return self.answers(self.probabilities) == self.labels

    @property
    def accuracy(self) -> float:
        """Returns the share of the rows that the model answers rightly."""
        return float(self.right_answers.mean())

    def project(self, features: np.ndarray) -> np.ndarray:
        """Returns the components of inputs of the head, `(rows, components)`.

        Raises:
            ValueError: if they are of another width.
        """
        if features.shape[1:] != self.center.shape:
            raise ValueError(
                "Reference: the rows must have been read by the model that it "
                "was measured on. Received: inputs of a head of the width "
                f"{features.shape[1]}, not {len(self.center)}. Name the "
                "reference of this model."
            )
        parts = [
            (features[start : start + _ROWS_AT_ONCE] - self.center) @ self.basis
            for start in range(0, max(1, len(features)), _ROWS_AT_ONCE)
        ]
        return np.concatenate(parts).astype("float32")

    def check_model(self, model: keras.Model) -> None:
        """Raises a `ValueError` if it was measured on another model."""
        if self.model == sum_of_weights(model):
            return
        raise ValueError(
            "Reference: it must have been measured on this model, because "
            "another one's outputs differ for the same rows. Received: "
            f"`{model.name}`, whose weights are others. Name the reference of "
            "its version, or measure one: `Reference.measure`."
        )

    def save(self, path: str | os.PathLike) -> Path:
        """Writes it into one `.npz` file with a sum, and returns its path."""
        arrays: dict[str, Any] = {
            "format": np.array(_FORMAT),
            **{
                name: np.asarray(getattr(self, name))
                for name in sorted(_NAMES - {"format", "class_names"})
            },
            "class_names": np.array(self.class_names, dtype=str),
            **{_COLUMN + name: each for name, each in self.columns.items()},
            **({} if self.moments is None else self.moments.to_arrays()),
            _RULE: np.array(self.rule.to_numbers()),
        }
        arrays[_SUM] = np.array(_sum(arrays))
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return write_whole(path, file.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Reference":
        """Reads what `save` wrote.

        Raises:
            ExportError: if it is not there, damaged, or of a later version.
        """
        try:
            if problem := _regular_file.why_not(path):
                raise OSError(problem)
            # From memory: NumPy leaves a damaged file open.
            content = io.BytesIO(Path(path).read_bytes())
            with np.load(content, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            kept = str(arrays.pop(_SUM))
            if kept != _sum(arrays) or not _NAMES <= arrays.keys():
                raise ValueError("what was not written by `Reference.save`")
        except _UNREADABLE as error:
            raise ExportError(
                f"Reference: {os.fspath(path)} must be a whole reference, "
                "because new rows are compared with it. Received: "
                f"{check.first_line(error)}. Measure it again, or bring it "
                "back from a copy."
            ) from error
        return cls._of_arrays(path, arrays)

    @classmethod
    def _of_arrays(cls, path, arrays):
        if int(arrays.pop("format")) > _FORMAT:
            raise ExportError(
                f"Reference: {os.fspath(path)} must be of format {_FORMAT}, "
                "which this version of aet-keras reads. Received: a later "
                "one. Use the version that wrote it."
            )
        columns = {
            name.removeprefix(_COLUMN): arrays.pop(name)
            for name in list(arrays)
            if name.startswith(_COLUMN)
        }
        moments = Moments.of_arrays(arrays)
        known = {name: arrays[name] for name in _NAMES - {"format"}}
        known["model"] = str(known["model"])
        known["class_names"] = tuple(known["class_names"].tolist())
        known["rule"] = AnswerRule.of_numbers(arrays.get(_RULE, ()))
        return cls(**known, columns=columns, moments=moments)


def as_cells(column: np.ndarray) -> np.ndarray:
    """Returns the cells of a column, floats or str; missing are NaN and ''."""
    if column.dtype.kind in "iufb":
        return column.astype("float32")
    cells = [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else each
        for each in column.tolist()
    ]
    return np.array([str(each) for each in cells], dtype=str)


def _principal_components(features):
    """Returns the mean, and the directions in which rows vary most."""
    center = features.mean(axis=0)
    rest = (features - center).astype("float64")
    rows, width = rest.shape
    count = min(_COMPONENTS, width, max(1, rows - 1))
    wide = width > rows
    square = rest @ rest.T if wide else rest.T @ rest
    size = len(square)
    _, vectors = scipy.linalg.eigh(
        square, subset_by_index=[size - count, size - 1]
    )
    vectors = rest.T @ vectors if wide else vectors
    vectors = vectors[:, ::-1]
    lengths = np.maximum(np.linalg.norm(vectors, axis=0), 1e-12)
    return center, (vectors / lengths).astype("float32")


def _sum(arrays):
    found = xxhash.xxh3_128()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name}{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def later_path(version: Path) -> Path:
    """Returns where a reference that is measured later belongs.

    Not in the version, which never changes.

    Args:
        version: path of `saved_models/NAME/N`.

    Example:

    >>> import pathlib
    >>> from aet_keras.drift.reference import later_path
    >>> later_path(pathlib.Path("saved_models/clothes/3")).name
    'reference-3.npz'
    """
    stem, suffix = Path(FILE).stem, Path(FILE).suffix
    return version.parent / f"{stem}-{version.name}{suffix}"


def load_reference(version: Path) -> Reference:
    """Loads the reference of a version.

    Args:
        version: path of `saved_models/NAME/N`.

    Raises:
        ExportError: if it has none, or a damaged one.
    """
    paths = (version / FILE, later_path(version))
    for path in paths:
        if path.exists():
            return Reference.load(path)
    raise ExportError(
        f"Reference: {version} must have one, because new rows are compared "
        f"with it. Received: neither {paths[0].name} in it nor {paths[1]}. "
        f"Measure it: `aet-keras watch {version.parent} --measure`."
    )
