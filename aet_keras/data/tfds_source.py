"""Prepares a data set of TFDS and finds its features and splits."""

import dataclasses
import os
import socket
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._optional import optional
from aet_keras._wording import nearest, quoted
from aet_keras.data.shard_files import ShardedImages, read_records
from aet_keras.data.splits import SPLIT_OF, SPLITS
from aet_keras.errors import DataError


def prepared_builder(name: str, source: str) -> Any:
    """Returns the builder of a data set that is prepared on the disk.

    Raises:
        DataError: if there is none of this name, or it cannot be prepared.
    """
    tfds = optional("tensorflow_datasets", extra="training")

    # TFDS reads the variable once, when it is imported.
    folder = os.environ.get("TFDS_DATA_DIR")
    try:
        builder = tfds.builder(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError as error:
        raise DataError(_not_found(name, source, tfds)) from error
    except (ValueError, RuntimeError) as error:
        raise DataError(
            f"{source}: TFDS must know this name, configuration and version. "
            f"Received: {check.first_line(error).rstrip('.')}. Write "
            "`tfds:NAME`, or `tfds:NAME/CONFIG:VERSION`."
        ) from error
    _prepare(builder, source, tfds)
    return builder


def _prepare(builder, source, tfds):
    if builder.data_path.exists():
        return
    remedy = (
        "Prepare it once where there is a network, with `tfds build` or "
        "`tfds.load`, copy the folder here, and set `TFDS_DATA_DIR` to it"
    )
    # Otherwise TFDS tries each address for minutes before it gives up.
    if _would_download(builder) and _is_offline():
        raise DataError(
            f"{source}: must be downloaded, because it is not in "
            f"{builder.data_dir}, and there is no network. {remedy}."
        )
    try:
        builder.download_and_prepare()
    except ImportError as error:
        raise DataError(
            f"{source}: its preparation needs a package that is missing: "
            f"`{error.name}`. Run `pip install {error.name}`."
        ) from error
    except AssertionError as error:  # files a user must fetch by hand
        raise DataError(
            f"{source}: TFDS cannot download this by itself. {error}"
        ) from error
    except (OSError, tfds.download.DownloadError) as error:
        raise DataError(
            f"{source}: could not be downloaded or prepared: "
            f"{check.first_line(error).rstrip('.')}. Without a network: "
            f"{remedy}."
        ) from error


def _would_download(builder) -> bool:
    is_from_catalogue = type(builder).__module__.startswith(
        "tensorflow_datasets."
    )
    return is_from_catalogue and not builder.MANUAL_DOWNLOAD_INSTRUCTIONS


def _is_offline() -> bool:
    if urllib.request.getproxies():
        return False  # a proxy resolves names itself
    try:
        socket.getaddrinfo("storage.googleapis.com", 443)
    except OSError:
        return True
    return False


def _not_found(name, source, tfds):
    known = tfds.list_builders(with_community_datasets=False)
    word = name.split("/")[0].split(":")[0]
    folder = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    return (
        f"{source}: TFDS has no data set `{word}`, and {folder} holds none "
        f"prepared.{nearest(word, known, 3)} If it was prepared elsewhere, set "
        "`TFDS_DATA_DIR` to that folder."
    )


def find_features(
    features: Any, source: str, kind: str = "Image"
) -> tuple[str, str]:
    """Returns the names of the one input and the one label of an example.

    Args:
        features: what TFDS calls the features of an example.
        source: str. What a sentence starts with.
        kind: str. The class of the input: `"Image"` or `"Text"`.

    Raises:
        DataError: if there is not exactly one of each.
    """
    tfds = optional("tensorflow_datasets", extra="training")

    found = []
    for each in (getattr(tfds.features, kind), tfds.features.ClassLabel):
        # The flat classes: subclasses such as LabeledImage are other things.
        names = [n for n, feature in features.items() if type(feature) is each]
        if len(names) != 1:
            raise DataError(
                f"{source}: its examples must have one `{each.__name__}`. "
                f"Received: {len(names)}, among {quoted(features, 99)}. "
                "Export what you need to a file or to a folder instead."
            )
        found += names
    return found[0], found[1]


def find_splits(
    splits: Iterable[str], source: str
) -> tuple[dict[str, str], list[str]]:
    """Returns what TFDS calls each split, and notes on those left out.

    Raises:
        DataError: if there is no train split.
    """
    found = {SPLIT_OF[part]: part for part in splits if part in SPLIT_OF}
    if "train" not in found:
        raise DataError(
            f"{source}: there must be a split `train`. Received: "
            f"{quoted(splits, 99)}. Export it to a "
            "file or to a folder instead."
        )
    notes = [
        f"The split `{part}` was left out."
        for part in splits
        if part not in found.values()
    ]
    order = [split for split in SPLITS if split in found]
    return {split: found[split] for split in order}, notes


@dataclasses.dataclass(eq=False)
class Examples:
    """Holds a prepared data set of TFDS, its rows always in the same order.

    Args:
        builder: of TFDS.
        source: str. What a sentence starts with.
        feature: str. The input of an example.
        label: str. The label of an example.
        parts: dict of split to what TFDS calls it.
        notes: list of sentences.
    """

    builder: Any
    source: str
    feature: str
    label: str
    parts: dict[str, str]
    notes: list[str]

    def __post_init__(self):
        infos = self.builder.info.splits
        counts = [infos[part].num_examples for part in self.parts.values()]
        self.splits = np.repeat(list(self.parts), counts)
        self.names = [
            f"{split}[{row}]"
            for split, count in zip(self.parts, counts, strict=True)
            for row in range(count)
        ]
        self.labels = np.empty(len(self.names), "int32")
        features = self.builder.info.features
        self.class_names = tuple(features[self.label].names)

    def inputs(self, *, is_encoded: bool) -> Iterator[bytes]:
        """Yields inputs as bytes, and writes down the labels meanwhile.

        Args:
            is_encoded: bool. Whether the bytes are those of a file, to be
                decoded later.
        """
        tfds = optional("tensorflow_datasets", extra="training")
        skip = {self.feature: tfds.decode.SkipDecoding()}
        row = 0
        for part in self.parts.values():
            examples = self.builder.as_dataset(
                split=part,
                shuffle_files=False,
                decoders=skip if is_encoded else None,
            )
            for example in tfds.as_numpy(examples):
                self.labels[row] = int(example[self.label])
                row += 1
                yield example[self.feature]

    def places(self) -> ShardedImages:
        """Returns images to be read from the files of TFDS, in its order.

        Labels are written down meanwhile, as `inputs` does it.

        Raises:
            DataError: if the files are no TFRecords.
        """
        kind = self.builder.info.file_format.value
        if kind != "tfrecord":
            raise DataError(
                f"{self.source}: images can be streamed from TFRecord files "
                f"only. Received: {kind} files. Prepare it with "
                "`tfds build --file_format=tfrecord`, or read all at once: "
                "`stream=False` (`--no-stream`)."
            )
        images, order = ShardedImages(), []
        for part in self.parts.values():
            known: dict[str, int] = {}
            for path in map(Path, self.builder.info.splits[part].filepaths):
                images.add_file(path)
                for found in read_records(
                    path, path, (self.feature,), (self.label,)
                ):
                    known[f"{path.name}__{found.name}"] = len(images)
                    self.labels[len(images)] = int(found.label or -1)
                    images.add(found)
            order += [known[each] for each in self._ids(part)]
        self.labels = self.labels[order]
        return images.take(np.array(order, int))

    def _ids(self, part) -> Iterator[str]:
        """Yields what TFDS calls each example: its file and number there."""
        tfds = optional("tensorflow_datasets", extra="training")
        examples = self.builder.as_dataset(
            split=part,
            shuffle_files=False,
            decoders={self.feature: tfds.decode.SkipDecoding()},
            read_config=tfds.ReadConfig(add_tfds_id=True),
        )
        for name in examples.map(lambda each: each["tfds_id"]):
            yield name.numpy().decode()

    def rows(self, is_good: np.ndarray | bool = True) -> dict[str, np.ndarray]:
        """Returns the rows of each split, bad ones left out.

        Splits whose labels TFDS keeps to itself, and stores as -1, are left
        out with a note. All inputs must have been read.

        Raises:
            DataError: if train is one of them.
        """
        given = {}
        for split in self.parts:
            rows = np.flatnonzero((self.splits == split) & is_good)
            if not (self.labels[rows] < 0).any():
                given[split] = rows
            else:
                self.notes.append(f"{split} was left out: it has no labels.")
        if "train" not in given:
            raise DataError(
                f"{self.source}: each example of train must have a label. "
                "Received: some without. Take a data set, or a configuration, "
                "with labels."
            )
        return given


def open_examples(name: str, kind: str) -> Examples:
    """Prepares a data set and returns its examples, not yet read.

    Args:
        name: str. As `tfds.builder` takes it.
        kind: str. The class of the input: `"Image"` or `"Text"`.

    Raises:
        DataError: if there is no such data set, or it is of another kind.
    """
    source = f"tfds:{name}"
    builder = prepared_builder(name, source)
    feature, label = find_features(builder.info.features, source, kind)
    parts, notes = find_splits(builder.info.splits, source)
    return Examples(builder, source, feature, label, parts, notes)
