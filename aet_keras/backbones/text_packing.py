"""Turns texts into the numbers that an encoder takes."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._optional import optional
from aet_keras.backbones import text_encoder
from aet_keras.errors import WeightsError

_CHUNK = 1024
_SENTENCE_PIECE = (".model", ".spm", ".spiece", ".proto")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TextPacking:
    """Cuts texts into tokens and packs them into rows of one length.

    Args:
        preprocessor: the `TextClassifierPreprocessor` of KerasHub that does
            it; works inside a TensorFlow graph, too.
        most: int >= 1. The longest row that the backbone takes.

    Example: see `load_text_packing`.

    >>> packing = aet_keras.backbones.text_packing.TextPacking(None, most=512)
    >>> packing.most
    512
    """

    preprocessor: Any
    most: int

    @property
    def sequence_length(self) -> int:
        """How many tokens a row has, start and end among them."""
        return self.preprocessor.sequence_length

    def resized(self, sequence_length: int) -> "TextPacking":
        """Returns a packing into rows of another length; the same each time."""
        if sequence_length not in self._resized:
            kind = type(self.preprocessor)
            preprocessor = kind(
                self.preprocessor.tokenizer, sequence_length=sequence_length
            )
            made = TextPacking(preprocessor, self.most)
            self._resized[sequence_length] = made
        return self._resized[sequence_length]

    @functools.cached_property
    def _resized(self) -> dict[int, "TextPacking"]:
        return {}

    def pack(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns `token_ids` and `padding_mask`, int32 `(count, length)`.

        In a graph, as a served model does it: outside of one KerasHub has
        tokenisers of its own, which need not agree to the last sign.

        Args:
            texts: sequence of str. What is longer is cut off at the end.
        """
        parts = _in_chunks(self._packer, texts)
        return {
            name: np.concatenate([part[name].numpy() for part in parts])
            for name in parts[0]
        }

    def graph_pack(self, texts: Any) -> dict[str, Any]:
        """Does what `pack` does on one batch, inside a graph.

        Args:
            texts: string tensor `(batch,)`.
        """
        return self._packer(texts)  # traced once, whichever graph calls it

    def count(self, texts: Sequence[str]) -> np.ndarray:
        """Returns how many tokens each text has, start and end among them."""
        ends = int(np.sum(self.preprocessor([""])["padding_mask"]))
        lengths = [each.numpy() for each in _in_chunks(self._counter, texts)]
        return np.concatenate(lengths) + ends

    @functools.cached_property
    def _counter(self):
        tokenizer = self.preprocessor.tokenizer
        return _traced(lambda rows: tokenizer(rows).row_lengths())

    @functools.cached_property
    def _packer(self):
        return _traced(self._pack)

    def _pack(self, texts):
        import tensorflow as tf

        packed = self.preprocessor(texts)
        names = ("token_ids", "padding_mask")
        return {name: tf.cast(packed[name], tf.int32) for name in names}


def _traced(function):
    """Traces a function of strings: a tokeniser takes a second for it."""
    import tensorflow as tf

    strings = tf.TensorSpec((None,), tf.string)
    return tf.function(function, autograph=False).get_concrete_function(strings)


def _in_chunks(function, texts):
    """Calls a traced function on some texts at a time."""
    import tensorflow as tf

    rows = [text.encode("utf-8", errors="replace") for text in texts]
    starts = range(0, max(1, len(rows)), _CHUNK)
    chunks = (rows[start : start + _CHUNK] for start in starts)
    return [function(tf.constant(chunk, tf.string)) for chunk in chunks]


def load_text_packing(
    name: str | os.PathLike,
    *,
    vocabulary: str | os.PathLike | None = None,
    sequence_length: int = 128,
) -> TextPacking:
    """Loads the tokeniser that belongs to a backbone.

    Args:
        name: str or path. As of `load_text_encoder`.
        vocabulary: optional path. With a `.keras` file, which holds no
            tokeniser: its WordPieces, one a line (`.txt`), or its
            SentencePiece model (`.model`, `.spm`).
        sequence_length: int >= 3. How many tokens a row has.

    Returns:
        A `TextPacking`.

    Raises:
        ImportError: if KerasHub or TensorFlow Text is missing.
        ValueError: if there is a vocabulary too many, or none.
        WeightsError: if the tokeniser cannot be had.

    Example:

    >>> try:
    ...     aet_keras.backbones.load_text_packing("my_bert.keras")
    ... except ValueError as error:
    ...     "Give `vocabulary`" in str(error)
    True
    """
    hub = optional("keras_hub", extra=text_encoder.EXTRA)
    optional("tensorflow_text", extra=text_encoder.EXTRA)
    check.whole("load_text_packing", least=3, sequence_length=sequence_length)
    _check_vocabulary(name, vocabulary)
    if vocabulary is not None:
        return _from_vocabulary(name, pathlib.Path(vocabulary), sequence_length)
    name = os.fspath(name)
    try:
        backbone = hub.models.Backbone.from_preset(name, load_weights=False)
        kind = text_encoder.preprocessor_class(backbone, name)
        preprocessor = kind.from_preset(name, sequence_length=sequence_length)
    except WeightsError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        sentence = text_encoder.cannot_be_had(hub, name, error)
        raise WeightsError(sentence) from error
    return TextPacking(preprocessor, _most(backbone))


def kept_text_packing(
    name: str | os.PathLike,
    *,
    vocabulary: str | os.PathLike | None = None,
    sequence_length: int | None = None,
) -> TextPacking:
    """Does what `load_text_packing` does, once for as long as its files stay.

    A command packs texts several times, and to trace a tokeniser takes longer
    than that.

    Args:
        name, vocabulary: as of `load_text_packing`.
        sequence_length: optional int. Defaults to 128.

    Returns:
        A `TextPacking`, which is shared: nobody may change it.

    Example:

    >>> try:
    ...     aet_keras.backbones.text_packing.kept_text_packing("bert.keras")
    ... except ValueError as error:
    ...     "Give `vocabulary`" in str(error)
    True
    """
    paths = [None if x is None else os.fspath(x) for x in (name, vocabulary)]
    packing = _kept(*paths, tuple(_states(paths)))
    if sequence_length is None:
        return packing
    return packing.resized(sequence_length)


@functools.lru_cache(maxsize=2)
def _kept(name, vocabulary, states):
    """Loads a packing; other states of its files make another one."""
    return load_text_packing(name, vocabulary=vocabulary)


def _states(paths):
    """Yields which file is at each path, when it was written, its size."""
    for path in map(pathlib.Path, filter(None, paths)):
        for file in [path, *sorted(path.rglob("*"))]:
            if file.exists():
                found = file.stat()
                yield str(file), found.st_ino, found.st_mtime_ns, found.st_size


def _check_vocabulary(name, vocabulary):
    is_file = text_encoder.is_file(name)
    if is_file == (vocabulary is not None):
        return
    what, remedy = "none", "Give `vocabulary`, a file"
    if not is_file:
        what, remedy = os.fspath(vocabulary), "Leave it out"
    raise ValueError(
        "load_text_packing: `vocabulary` must go with a .keras file, because "
        "a preset holds its own tokeniser and a file holds none. Received: "
        f"{os.fspath(name)} and {what}. {remedy}."
    )


def _from_vocabulary(name, vocabulary, sequence_length):
    backbone = text_encoder.load_backbone_file(name)
    kind = text_encoder.preprocessor_class(backbone, name)
    if problem := _regular_file.why_not(vocabulary):
        raise WeightsError(
            f"load_text_packing: the vocabulary must be a file. Received: "
            f"{vocabulary}, which is {problem}. Check the path."
        )
    if vocabulary.suffix in _SENTENCE_PIECE:
        given = {"proto": str(vocabulary)}
    else:
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        given = {"vocabulary": words, "lowercase": _is_lower(words)}
    try:
        tokenizer = kind.tokenizer_cls(**given)
    except (TypeError, ValueError) as error:
        raise WeightsError(
            "load_text_packing: the vocabulary must be what a "
            f"`{kind.tokenizer_cls.__name__}` is made of. Received: "
            f"{vocabulary}: {str(error).splitlines()[0]} Save backbone and "
            "tokeniser into one folder by `save_to_preset`, and name that."
        ) from error
    preprocessor = kind(tokenizer, sequence_length=sequence_length)
    return TextPacking(preprocessor, _most(backbone))


def _is_lower(words):
    """Whether a vocabulary knows no upper case but in special tokens."""
    return all(word == word.lower() or word[:1] in "[<" for word in words)


def _most(backbone: keras.Model) -> int:
    return int(getattr(backbone, "max_sequence_length", None) or 512)
