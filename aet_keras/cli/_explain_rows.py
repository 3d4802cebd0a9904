"""Draws which words, cells or past ratings an answer rests on."""

import pathlib
import re
from collections.abc import Iterator, Sequence

import click

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras.cli._inputs import (
    CHOSEN,
    is_table_named,
    load_version_of,
    read_rows,
    stacked,
)
from aet_keras.cli._running import quiet_start
from aet_keras.errors import DataError, ExportError

_NAMED = 3
_FIRST = 10  # rows of a table that are explained by default
_BEST = 3  # items that are explained by default
_LEAST = 0.005  # less is shown as 0
_LEAST_SHARE = 0.0001


def explain_rows(
    folder: pathlib.Path,
    given: Sequence[str],
    *,
    class_name: str | None,
    encoding: str | None,
    out: pathlib.Path,
    rows: int | None = None,
) -> Iterator[str]:
    """Writes a chart of each text or row, and yields a line for it.

    Of tables the first ten rows, unless `rows` says how many.
    """
    path, version = load_version_of(folder)
    with quiet_start():
        from aet_keras import explanations, publishing
    asked = read_rows(version, path, given, encoding=encoding)
    publishing.publication.check_writable(out)
    is_all = asked.noun == "text" and not any(map(is_table_named, given))
    most = rows if rows or is_all else _FIRST
    for number, row in enumerate(asked.rows, start=1):
        if most is not None and number > most:
            count = number + sum(1 for _ in asked.rows)
            if rows is None:
                _say_more(most, count)
            return
        if row.reason:
            raise DataError(
                f"explain: each {asked.noun} must be one that can be read. "
                f"Received: {row.name} ({row.reason}). Mend it or "
                "leave it out."
            )
        what, title, left_out = _explained(path, version, row, class_name)
        target = out / f"{_stem(asked.noun, row, number)}.png"
        explanations.save_left_out(target, left_out, title=title, what=what)
        strongest = "; ".join(
            f"{name} {_shown(loss, what)}"
            for name, loss in left_out.strongest(_NAMED)
        )
        yield f"{target}  {title}: {strongest}"


def _say_more(most, count):
    click.echo(
        f"explain: the first {most} rows of {count} are explained. "
        f"`--rows {count}` explains all of them.",
        err=True,
    )


def _shown(loss, what):
    """Returns what an answer loses, in thousandths of a probability."""
    return f"{loss:+.3f}" if what == "probability" else f"{loss:+.4g}"


def _explained(path, version, row, class_name):
    """Returns what is lost, the answer in words, and the loss of each part."""
    outputs = version.signatures["serving_default"].outputs
    if "values" in outputs:
        return _explained_number(path, version, row, class_name)
    names, left_out = _explained_class(version, row, class_name)
    title = f"{names[left_out.column]}, {left_out.answer:.1%}"
    return "probability", title, left_out


def _explained_number(path, version, row, class_name):
    from aet_keras import explanations

    if class_name is not None:
        raise ValueError(
            "explain: `--class` must be left out for a number, because it has "
            f"no classes. Received: {class_name}. Leave it out."
        )

    def predict(arrays):
        values = version.call("serving_default", arrays)["values"]
        return values[:, None]

    if version.kind == "text":
        left_out = explanations.leave_out_words(
            lambda texts: predict(_strings(texts)), _text_of(row)
        )
    else:
        left_out = explanations.leave_out_cells(predict, row.values)
    target = _target_of(path, version.kind)
    return target, f"{target} = {left_out.answer:.6g}", left_out


def _target_of(path, kind):
    """Returns what the column of a number is called."""
    name = "label_column" if kind == "text" else "target"
    recipe = _regular_file.read_object(
        "explain", path / "recipe.json", "a recipe"
    )
    return recipe.get(name) or "label"


def _text_of(row):
    return row.values["texts"].decode()


def _strings(texts):
    """Returns texts as a server takes them."""
    import numpy as np

    encoded = [text.encode(errors="replace") for text in texts]
    return {"texts": np.array(encoded, object)}


def _explained_class(version, row, class_name):
    """Returns the class names, and what is missed without each part."""
    from aet_keras import explanations
    from aet_keras.evaluation.tag_thresholds import first_tag

    def call(arrays):
        return version.call("serving_default", arrays)

    def predict_texts(texts):
        return call(_strings(texts))["probabilities"]

    def predict_cells(cells):
        return call(cells)["probabilities"]

    one = {k: stacked([v]) for k, v in row.values.items()}
    answer = call(one)
    names = [name.decode() for name in answer["classes"][0]]
    column = find_class(class_name, names)
    for output in CHOSEN:
        if column is None and output in answer:
            column = names.index(answer[output][0].decode())
    if column is None and "tags" in answer:
        is_said = [bool(name) for name in answer["tags"][0]]
        column = first_tag(answer["probabilities"][0], is_said)
    if version.kind == "text":
        left_out = explanations.leave_out_words(
            predict_texts, _text_of(row), column=column
        )
    else:
        left_out = explanations.leave_out_cells(
            predict_cells, row.values, column=column
        )
    return names, left_out


def _stem(noun, row, number):
    """Returns a file's name: of a text its number and first words."""
    words = row.name if noun == "text" else pathlib.Path(row.name).name
    short = re.sub(r"\W+", "_", words)[:40].strip("_")
    return f"{number}_{short}_occlusion"


def explain_ratings(
    folder: pathlib.Path, given: Sequence[str], *, out: pathlib.Path
) -> Iterator[str]:
    """Writes a chart of each item, and yields a line for it.

    Args:
        folder: `saved_models/NAME`, or one of its versions.
        given: the id of a user, and of items; of the best three if none.
        out: the folder to write in.
    """
    _, version = load_version_of(folder)
    with quiet_start():
        from aet_keras import explanations, publishing
    _check_has_reasons(folder, version)
    user, *items = (each.strip() for each in given)  # as cells of a file are
    items = items or _best(version, user)
    publishing.publication.check_writable(out)
    for item in items:
        reasons = _reasons(version, user, item)
        left_out = explanations.left_out.leave_out_ratings(reasons)
        note = "" if reasons["is_known"] else " (one of them not known)"
        is_rated = "ratings" in reasons
        digits, what = (2, "rating") if is_rated else (4, "probability")
        title = f"{user}, {item}: {left_out.answer:.{digits}f}{note}"
        short = re.sub(r"\W+", "_", f"{user}_{item}")[:60].strip("_")
        target = out / f"{short}_occlusion.png"
        explanations.save_left_out(target, left_out, title=title, what=what)
        strongest = [
            f"{name} {loss:+.{digits}f}"
            for name, loss in left_out.strongest(_NAMED)
            if abs(loss) >= (_LEAST if is_rated else _LEAST_SHARE)
        ]
        yield f"{target}  {title}: {'; '.join(strongest) or 'nothing known'}"


def _check_has_reasons(folder, version):
    if "reasons" not in version.signatures:
        raise ExportError(
            f"explain: {folder} must have the signature `reasons`, which "
            "versions before 0.7.0 did not write. Received: signatures "
            f"{sorted(version.signatures)}. Run `aet-keras fit` again."
        )


def _best(version, user):
    import numpy as np

    asked = {"user": _bytes(user), "k": np.array([_BEST], "int32")}
    items = version.call("top_k", asked)["items"][0]
    return [item.decode() for item in items if item]


def _reasons(version, user, item):
    asked = {"user": _bytes(user), "item": _bytes(item)}
    outputs = version.call("reasons", asked)
    return {name: values[0] for name, values in outputs.items()}


def _bytes(name):
    import numpy as np

    return np.array([name.encode(errors="replace")], object)


def find_class(class_name: str | None, names: Sequence[str]) -> int | None:
    """Returns the column of a class; None where none is named."""
    if class_name is None:
        return None
    check.known("explain", among=names, kind="class name", name=class_name)
    return names.index(class_name)
