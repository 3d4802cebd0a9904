"""Finds the images inside TFRecord and tar files, and reads them by place."""

import array
import dataclasses
import gzip
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from aet_keras._wording import quoted
from aet_keras.data.folder_layout import IMAGE
from aet_keras.errors import DataError

IMAGE_KEYS = ("image/encoded", "image")
LABEL_KEYS = ("image/class/label", "label")
_TEXT_KEY = "image/class/text"
_HEADER_BYTES, _FOOTER_BYTES = 12, 4  # around a record: its length, two sums
_TAR_BLOCK = 512
_JSON_KEYS = ("label", "class", "cls")


@dataclasses.dataclass(frozen=True)
class Found:
    """Says where an image is.

    Args:
        offset: int. Where its bytes begin in the file.
        size: int. How many there are.
        name: str. What it is called inside the file.
        label: optional str. Its class, or the number of it.
        text: optional str. What the number means, where that is beside it.
        problem: str. Why it cannot be learned from, or nothing.
    """

    offset: int
    size: int
    name: str
    label: str | None
    text: str | None = None
    problem: str = ""


class ShardedImages:
    """The encoded images of many files, one after the other, on the disk.

    A file is opened for each image: of thousands of shards no process may hold
    all open. Of an image it holds 20 bytes.
    """

    def __init__(self) -> None:
        self._files: list[Path | IO[bytes]] = []
        self._numbers = array.array("i")
        self._offsets = array.array("q")
        self._sizes = array.array("q")

    def add_file(self, file: Path | IO[bytes]) -> None:
        """Notes the file that the images to come are in."""
        self._files.append(file)

    def add(self, found: Found) -> None:
        """Adds an image of the last file."""
        self._numbers.append(len(self._files) - 1)
        self._offsets.append(found.offset)
        self._sizes.append(found.size)

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, row: int) -> bytes:
        file = self._files[self._numbers[row]]
        place = self._sizes[row], self._offsets[row]
        if not isinstance(file, Path):  # an unpacked one, which has no name
            return _whole(os.pread(file.fileno(), *place), place[0])
        with file.open("rb") as opened:
            return _whole(os.pread(opened.fileno(), *place), place[0])

    def take(self, rows: np.ndarray) -> "ShardedImages":
        """Returns some of the images, in another order."""
        taken = ShardedImages()
        taken._files = self._files
        for name in ("_numbers", "_offsets", "_sizes"):
            column = getattr(self, name)
            chosen = np.asarray(column)[rows]
            setattr(taken, name, array.array(column.typecode, chosen.tolist()))
        return taken


def _whole(content, size):
    if len(content) < size:
        raise OSError("the shard is shorter than it was")
    return content


class CutShort(Exception):
    """Says where a shard ends too early; what comes before is whole."""


def plain_file(path: Path) -> Path | IO[bytes]:
    """Returns a file that can be read by places: gzip is unpacked.

    Raises:
        CutShort: if it ends too early.
    """
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
        file.seek(0)
        unpacked = tempfile.NamedTemporaryFile()
        try:
            with gzip.open(file) as content:
                shutil.copyfileobj(content, unpacked, 1024**2)
        except (EOFError, OSError) as error:
            raise CutShort(f"gzip that ends too early: {error}") from error
    unpacked.flush()
    return unpacked


def read_tar(path: Path, file: Path | IO[bytes]) -> Iterator[Found]:
    """Yields the images of a WebDataset shard, in their order.

    `a/1.jpg` goes with `a/1.cls`, which holds the number or name of its class,
    or with `a/1.json`, an object with a `label`. Nothing is unpacked.

    Args:
        path: path of the shard, for sentences.
        file: what `plain_file` returned.

    Raises:
        CutShort: if it ends too early, after the images before.
        DataError: if it is no tar.
    """
    source = file if isinstance(file, Path) else file.name
    images: dict[str, tuple[int, int, str]] = {}
    labels: dict[str, tuple[str | None, str]] = {}
    cut = None
    with _opened(path, source) as archive:
        try:
            end = 0
            while (member := archive.next()) is not None:
                archive.members = []  # it would keep each of them
                end = member.offset_data + member.size
                if member.isfile():
                    _note_member(archive, member, images, labels)
            _check_end(source, end)
        except (tarfile.TarError, EOFError, OSError, CutShort) as error:
            cut = error
    for key, (offset, size, name) in images.items():
        label, problem = labels.get(key, (None, _NO_LABEL))
        yield Found(offset, size, name, label, problem=problem)
    if cut is not None:
        raise CutShort(str(cut) or type(cut).__name__)


_NO_LABEL = "no `.cls` or `.json` of its name with a class"


def _opened(path, source):
    try:
        return tarfile.open(source, "r:")
    except (tarfile.TarError, OSError) as error:
        raise DataError(
            f"{path}: must be a tar of images, plain or with gzip. Received: "
            f"{error}. Write it again, for example with `tar -cf`."
        ) from error


def _note_member(archive, member, images, labels):
    folder, _, base = member.name.rpartition("/")
    stem, _, ending = base.partition(".")
    if not stem:  # hidden files
        return
    key, ending = f"{folder}/{stem}", f".{ending.lower()}"
    if ending in IMAGE.endings:
        if member.issparse():
            raise CutShort(f"`{member.name}` is a sparse file")
        place = member.offset_data, member.size, member.name
        images.setdefault(key, place)
    elif ending == ".cls":
        text = archive.extractfile(member).read().decode("utf-8", "replace")
        labels[key] = text.strip(), "" if text.strip() else _NO_LABEL
    elif ending == ".json" and key not in labels:
        labels[key] = _label_of_json(archive.extractfile(member).read())


def _label_of_json(content):
    try:
        about = json.loads(content)
    except ValueError:
        return None, "its `.json` cannot be read"
    for key in _JSON_KEYS if isinstance(about, dict) else ():
        if isinstance(about.get(key), str | int):
            return str(about[key]), ""
    return None, _NO_LABEL


def _check_end(source, end):
    """Raises unless the mark of its end follows: `tarfile` does not look."""
    with open(source, "rb") as file:
        file.seek(-(-end // _TAR_BLOCK) * _TAR_BLOCK)
        mark = file.read(_TAR_BLOCK)
    if mark != bytes(_TAR_BLOCK):
        what = "is damaged" if len(mark) == _TAR_BLOCK else "ends"
        raise CutShort(f"it {what} at byte {end}, without the mark of its end")


def read_records(
    path: Path,
    file: Path | IO[bytes],
    image_keys: tuple[str, ...] = IMAGE_KEYS,
    label_keys: tuple[str, ...] = LABEL_KEYS,
) -> Iterator[Found]:
    """Yields the images of a TFRecord file of `tf.train.Example`.

    Args:
        path: path of the shard, for sentences.
        file: what `plain_file` returned.
        image_keys: names of the feature that holds an encoded image.
        label_keys: names of the feature that holds its class: a number.

    Raises:
        CutShort: if it ends too early or is damaged, after the images before.
        DataError: if its records are no such examples.
    """
    import tensorflow as tf

    source = str(file) if isinstance(file, Path) else file.name
    records = iter(tf.data.TFRecordDataset(source))
    place, number = 0, 0
    while True:
        try:
            content = next(records).numpy()
        except StopIteration:
            return
        except tf.errors.OpError as error:
            raise CutShort(f"no whole record at byte {place}") from error
        found = _example(path, content, number, image_keys, label_keys)
        begin = place + _HEADER_BYTES + found.offset
        yield dataclasses.replace(found, offset=begin)
        place += _HEADER_BYTES + len(content) + _FOOTER_BYTES
        number += 1


def _example(path, content, number, image_keys, label_keys):
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(content).features.feature
    except DecodeError:
        features = {}
    image = _value(features, image_keys, "bytes_list")
    if image is None:
        held = quoted(sorted(features), 8) or "a record without features"
        raise DataError(
            f"{path}: each record must be a `tf.train.Example` with an encoded "
            f"image in {quoted(image_keys)}. Received: {held}. Write "
            "the shards with these names, as TensorFlow's and TFDS's "
            "converters do."
        )
    label = _value(features, label_keys, "int64_list")
    text = _value(features, (_TEXT_KEY,), "bytes_list")
    return Found(
        content.find(image),
        len(image),
        str(number),
        None if label is None else str(label),
        None if text is None else text.decode("utf-8", "replace"),
        "" if label is not None else f"no {quoted(label_keys)}",
    )


def _value(features: Any, keys, kind):
    """Returns the first value of the first of some features there is."""
    for key in keys:
        values = getattr(features[key], kind).value if key in features else ()
        if values:
            return values[0]
    return None
