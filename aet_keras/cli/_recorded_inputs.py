"""Reads what a request asked as the model of a version takes it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras import data
from aet_keras.data.item_table import HAS_IMAGE, HAS_TEXT, PIXELS, WORDS


@dataclasses.dataclass(frozen=True, eq=False)
class InputReader:
    """Holds how the inputs of requests are read, of one kind of data.

    Args:
        read: of the inputs of a row, a dict; returns its values, or raises
            an exception of any kind where they are no input of the model.
        joined: of the values of rows; returns the rows as the model takes
            them.
        texts: of the values of rows; returns texts as they were sent.
    """

    read: Callable[[Mapping[str, Any]], Any]
    joined: Callable[[list[Any]], Any]
    texts: Callable[[list[Any]], list[str]] = lambda values: []


def reader_of(asked: Any, kind: str) -> InputReader:
    """Returns how requests to a version are read.

    Args:
        asked: `Asked`.
        kind: str. The kind of its data, not `"rating"`.
    """
    return _READERS[kind](asked)


def _images(asked):
    size = tuple(asked.model.input_shape[1:3])

    def read(inputs):
        if "image_bytes" in inputs:
            return _decoded(inputs["image_bytes"], size)
        image = np.asarray(_value(inputs, "images"))
        if image.shape != (*size, 3):
            raise ValueError(f"an image of the shape {image.shape}")
        return image

    return InputReader(read, np.stack)


def _texts(asked):
    from aet_keras.recipes.kinds import load_recipe
    from aet_keras.training import text_job

    def joined(texts):
        recipe = load_recipe(asked.path / "recipe.json")
        return text_job.tokens_of(
            recipe, asked.model, texts, version=asked.path
        )

    def read(inputs):
        return _as_text(_value(inputs, "texts"), "texts")

    return InputReader(read, joined, texts=list)


def _table(asked):
    columns = asked.specification.columns
    return InputReader(
        lambda inputs: _row(inputs, columns),
        lambda rows: _columns(rows, columns),
    )


def _items(asked):
    from aet_keras.cli._new_items import with_tokens

    specification = asked.specification
    columns, size = specification.columns, tuple(specification.image_size)
    image, text = specification.image_name, specification.text_name

    def read(inputs):
        file = _value(inputs, image)
        pixels = _decoded(file, size) if len(file) else None
        words = _as_text(_value(inputs, text), text).strip()
        return pixels, words, _row(inputs, columns)

    def joined(rows):
        pixels, texts, cells = zip(*rows, strict=True)
        nothing = np.zeros((*size, 3), "uint8")
        x = {
            PIXELS: np.stack([nothing if p is None else p for p in pixels]),
            HAS_IMAGE: np.array([p is not None for p in pixels], "float32"),
            WORDS: np.array(texts, object),
            HAS_TEXT: np.array([bool(each) for each in texts], "float32"),
            **_columns(cells, columns),
        }
        return with_tokens(asked, x)

    return InputReader(read, joined)


_READERS: dict[str, Callable[[Any], InputReader]] = {
    "image": _images,
    "text": _texts,
    "table": _table,
    "item": _items,
}


def _value(inputs, name):
    if name in inputs:
        return inputs[name]
    raise ValueError(f"without `{name}`")


def _decoded(file, size):
    # What is a str would be opened as a path.
    encoded = file.encode() if isinstance(file, str) else file
    return data.image_decoding.decode(encoded, size)[0]


def _as_text(value, name):
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str):
        return value
    raise ValueError(f"`{name}` is no text")


def _row(inputs, columns):
    return {each.name: _cell(inputs, each) for each in columns}


def _cell(inputs, column):
    value, name = _value(inputs, column.name), column.name
    if column.kind == "number":
        try:
            return float(np.asarray(value, "float32"))
        except (TypeError, ValueError) as error:
            raise ValueError(f"`{name}` is no number") from error
    text = _as_text(value, name)
    if column.kind == "date" and not _is_date(text.strip(), column.format):
        raise ValueError(f"`{name}` is no date as the model reads them: {text}")
    return text


def _is_date(text, form):
    """Says whether a server would read it; of old versions it reads all."""
    if not form.date_format or text in ("", *form.missing):
        return True
    return bool(np.isfinite(data.date_cells.read_day(text, form.date_format)))


def _columns(rows: Sequence[Mapping[str, Any]], columns):
    """Returns cells as the model takes them, by the rules of the server."""
    import tensorflow as tf

    from aet_keras.export import table_graph

    found = {}
    for column in columns:
        cells = [row[column.name] for row in rows]
        kind = "float32" if column.kind == "number" else tf.string
        read = table_graph.read(tf.constant(cells, kind), column).numpy()
        if read.dtype == object:
            read = np.array([cell.decode() for cell in read], object)
        found[column.name] = read
    return found
