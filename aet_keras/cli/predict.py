"""Predicts classes, tags or numbers, or recommends items.

As JSON an answer is an object a line, as CSV a header and a row a line. Only
answers go to the output; what a person should know goes to the error stream.
"""

import csv
import io
import json
import pathlib

import click

from aet_keras.cli import _options
from aet_keras.cli._inputs import (
    CHOSEN,
    is_file_named,
    is_table_named,
    load_version_of,
    read_rows,
    reasons,
    stacked,
)
from aet_keras.cli._running import one_sentence
from aet_keras.errors import DataError

_BATCH = 32
_ITEMS = 10  # recommended by default
_OF_USERS = "of a model of ratings ids of users are given"
_FORMATS = ("text", "json", "csv")
_NUMBERS = ("values", "lower", "upper")  # the last two: see answer_sets.py
_IN_SET = "in_set"  # see answer_sets.py


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "--top",
    type=click.IntRange(1),
    help="How many classes or items to name, the likeliest first; of classes "
    "with an order the median before all, where errors cost differently the "
    "class that costs least. [default: 1 class, 10 items]",
)
@_options.encoding
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    help="text for a person; json, an object a line; csv, a row a line.",
)
@click.option("--json", "form", flag_value="json", help="As --format json.")
@click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    help="Of tables: the column that names a row in the answer. [default: "
    "FILE:NUMBER]",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def predict(folder, what, top, encoding, form, id_column, debug):
    """Say the class, tags or number of rows of any kind, or recommend.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it; its newest
    SavedModel answers, one line each. WHAT are files of images, or texts in
    quotes, or .txt files of one text each, or .csv files of rows, which may
    name images, or ids of users, who are recommended items. What cannot be
    read is named at the end, and makes the exit code 1.
    """
    with one_sentence(debug=debug):
        path, version = load_version_of(folder, is_version_taken=False)
        if version.kind == "rating":
            _options.check_of_use(
                "predict", _OF_USERS, encoding=encoding, id=id_column
            )
            _check_ids(what)
            what = [each.strip() for each in what]  # as cells of a file are
            for line in _item_lines(version, what, top or _ITEMS, form):
                click.echo(line)
            return
        if version.kind == "image" and not any(map(is_table_named, what)):
            why = "these are images"
            _options.check_of_use("predict", why, encoding=encoding)
        if version.kind == "text" and not any(map(is_file_named, what)):
            why = "these are texts in quotes"
            _options.check_of_use("predict", why, encoding=encoding)
        asked = read_rows(
            version, path, what, encoding=encoding, id_column=id_column
        )
        bad = []
        outputs = _outputs(version)
        _check_top(top, outputs)
        lines = next((_LINES[k] for k in _LINES if k in outputs), _class_lines)
        for line in lines(version, asked, top or 1, form, bad):
            click.echo(line)
        if bad:
            raise DataError(
                f"predict: {len(bad)} of the {asked.noun}s could not be read: "
                f"{reasons(bad)}. Mend them or leave them out."
            )


def _check_ids(users):
    """Refuses files: as an id each would be one of a user not known."""
    for user in users:
        if is_table_named(user) and pathlib.Path(user).is_file():
            raise ValueError(
                "predict: of a model of ratings WHAT must be ids of users, "
                f"because each is recommended items. Received: {user}, a "
                "file. Name the ids in it."
            )


def _outputs(version):
    return version.signatures["serving_default"].outputs


def _check_top(top, outputs):
    for output, what in (("values", "a number is one answer"), ("tags", _ALL)):
        if top is not None and output in outputs:
            raise ValueError(
                "predict: `--top` must go with classes or items, because "
                f"{what}. Received: --top {top}. Leave it out."
            )


_ALL = "all tags are named whose probability reaches their threshold"


def _number_lines(version, asked, top, form, bad):
    """Yields a line for each row; those that have no answer go into `bad`."""
    del top  # there is one number a row
    names = [name for name in _NUMBERS if name in _outputs(version)]
    if form == "csv":
        shown = ["value", *names[1:]]
        yield _csv(["id", *shown, "error"])
    for batch in asked.batches(_BATCH):
        bad += [row for row in batch if row.reason]
        for row, numbers in _valued(version, batch, names):
            if form == "csv":
                yield _csv([row.name, *numbers.values(), row.reason])
            elif form == "json":
                named = _named(asked.noun, row)
                said = {"error": row.reason} if row.reason else numbers
                yield json.dumps(named | said)
            elif not row.reason:
                value, *ends = numbers.values()
                shown = f"  ({ends[0]} to {ends[1]})" if ends else ""
                yield f"{row.name}  {value}{shown}"


def _valued(version, batch, names):
    """Yields each row of a batch, with its numbers if it could be read."""
    answers = iter(())
    if any(not row.reason for row in batch):
        outputs = _answers(version, batch)
        answers = zip(*(outputs[name] for name in names), strict=True)
    keys = ["value", *names[1:]]
    for row in batch:
        found = [""] * len(keys)
        if not row.reason:
            # As many digits as a float32 has: not those of a float64.
            found = [float(str(each)) for each in next(answers)]
        yield row, dict(zip(keys, found, strict=True))


def _class_lines(version, asked, top, form, bad):
    """Yields a line for each row; those that have no answer go into `bad`."""
    last = ["set", "error"] if _IN_SET in _outputs(version) else ["error"]
    if form == "csv":
        yield _csv(["id", *_columns(("class", "probability"), top), *last])
    for batch in asked.batches(_BATCH):
        bad += [row for row in batch if row.reason]
        for row, scores, among, chosen in _scored(version, batch, top):
            if form == "csv":
                ending = [row.reason]
                if len(last) > 1:
                    ending = [json.dumps(among or []), row.reason]
                yield _csv_line(row.name, scores, top, *ending)
            elif form == "json":
                yield _json_line(asked.noun, row, scores, among, chosen)
            elif not row.reason:
                named = [f"{k}, {value:.1%}" for k, value in scores]
                for output in chosen:
                    named[0] += f" ({CHOSEN[output]})"
                shown = "; ".join(named)
                if among is not None:
                    shown += f"  (one of: {', '.join(among)})"
                yield f"{row.name}  {shown}"


def _tag_lines(version, asked, top, form, bad):
    """Yields a line for each row; those that have no answer go into `bad`."""
    del top  # all that reach their threshold are named
    if form == "csv":
        sets = ["set"] if _IN_SET in _outputs(version) else []
        yield _csv(["id", "tags", "probabilities", *sets, "error"])
    for batch in asked.batches(_BATCH):
        bad += [row for row in batch if row.reason]
        for row, known, said, shares, among in _tagged(version, batch):
            if form == "csv":
                shown = [said, map(str, shares)]
                shown += [among or []] if sets else []
                yield _csv([row.name, *map(";".join, shown), row.reason])
            elif form == "json":
                yield _tag_json(asked.noun, row, known, said, shares, among)
            elif not row.reason:
                pairs = dict(zip(known, shares, strict=True))
                shown = "; ".join(f"{tag}, {pairs[tag]:.1%}" for tag in said)
                more = [tag for tag in among or () if tag not in said]
                ending = f"  (may have: {', '.join(more)})" if more else ""
                yield f"{row.name}  {shown or 'no tag'}{ending}"


def _tagged(version, batch):
    """Yields each row with all tags, those it has, and the probabilities."""
    answers = iter(())
    if any(not row.reason for row in batch):
        outputs = _answers(version, batch)
        columns = [outputs[k] for k in ("classes", "tags", "probabilities")]
        columns.append(outputs.get(_IN_SET, [None] * len(columns[0])))
        answers = zip(*columns, strict=True)
    for row in batch:
        if row.reason:
            yield row, [], [], [], None
            continue
        known, said, shares, is_in = next(answers)
        yield (
            row,
            [name.decode() for name in known],
            [name.decode() for name in said if name],
            [float(str(share)) for share in shares],
            _among(known, shares, is_in),
        )


def _tag_json(noun, row, known, said, shares, among):
    named = _named(noun, row)
    if row.reason:
        return json.dumps(named | {"error": row.reason})
    pairs = dict(zip(known, shares, strict=True))
    sets = {} if among is None else {"set": among}
    return json.dumps(named | {"tags": said, "probabilities": pairs} | sets)


# What is answered, by an output that only this kind of model has.
_LINES = {"values": _number_lines, "tags": _tag_lines}


def _scored(version, batch, top):
    """Yields each row of a batch, with its classes if it could be read."""
    answers = iter(())
    if any(not row.reason for row in batch):
        outputs = _answers(version, batch)
        columns = [outputs["classes"], outputs["probabilities"]]
        none = [None] * len(columns[0])
        chosen = [each for each in CHOSEN if each in outputs]
        columns += [outputs.get(each, none) for each in (_IN_SET, *chosen)]
        answers = zip(*columns, strict=True)
    for row in batch:
        if row.reason:
            yield row, [], None, {}
            continue
        names, probabilities, is_in, *found = next(answers)
        best = _best(names, probabilities, top, found)
        among = _among(names, probabilities, is_in)
        said = [each.decode() for each in found]
        yield row, best, among, dict(zip(chosen, said, strict=True))


def _among(names, probabilities, is_in):
    """Returns the classes of a set, the likeliest first; None without one."""
    if is_in is None:
        return None
    order = probabilities.argsort(kind="stable")[::-1]
    return [names[i].decode() for i in order if is_in[i]]


def _answers(version, batch):
    """Returns what a model says of the rows that could be read."""
    good = [row.values for row in batch if not row.reason]
    arrays = {
        name: stacked([values[name] for values in good]) for name in good[0]
    }
    return version.call("serving_default", arrays)


def _best(names, probabilities, top, chosen):
    order = probabilities.argsort(kind="stable")[::-1]
    order = sorted(order, key=lambda i: names[i] not in chosen)[:top]
    return [(names[i].decode(), float(probabilities[i])) for i in order]


def _json_line(noun, row, scores, among, chosen):
    named = _named(noun, row)
    if row.reason:
        return json.dumps(named | {"error": row.reason})
    classes = [{"class": k, "probability": v} for k, v in scores]
    said = {} if among is None else {"set": among}
    return json.dumps(named | {"classes": classes} | said | chosen)


def _named(noun, row):
    """Returns what an object of JSON calls a row."""
    # Programs written for 0.10.0 read the name of an image from `picture`.
    old = {"picture": row.name} if noun == "image" else {}
    return {"id": row.name, noun: row.name} | old


def _item_lines(version, users, top, form):
    """Yields a line for each user: the recommended items, the best first."""
    output = "ratings" if _has_ratings(version) else "scores"
    what, digits = _UNITS[output]
    if form == "csv":
        yield _csv(["id", *_columns(("item", what), top), "is_known"])
    for user, is_known, items in _recommended(version, users, top, output):
        if form == "csv":
            yield _csv_line(user, items, top, str(is_known).lower())
        elif form == "json":
            items = [{"item": item, what: number} for item, number in items]
            named = {"id": user, "user": user, "is_known": is_known}
            yield json.dumps(named | {"items": items})
        else:
            note = "" if is_known else " (not known: what is popular)"
            pairs = (f"{item} {number:.{digits}f}" for item, number in items)
            shown = "; ".join(pairs)
            yield f"{user}{note}  {shown}"


# What the best items are shown with: its name, and digits.
_UNITS = {"ratings": ("rating", 2), "scores": ("probability", 4)}


def _has_ratings(version):
    """Says whether a recommender predicts ratings, not only what is next."""
    return "ratings" in version.signatures["history"].inputs


def _recommended(version, users, top, output):
    """Yields each user, whether it is known, and items with their numbers."""
    import numpy as np

    arrays = {
        "user": np.array([user.encode() for user in users], object),
        "k": np.full(len(users), top, "int32"),
    }
    outputs = version.call("top_k", arrays)
    columns = (outputs[name] for name in ("items", output, "is_known"))
    for user, items, numbers, is_known in zip(users, *columns, strict=True):
        names = [item.decode() for item in items if item]
        items = list(zip(names, numbers.tolist(), strict=False))
        yield user, bool(is_known), items


def _columns(names, top):
    """Yields a header: `class`, `probability`, `class_2`, ..."""
    for place in range(1, top + 1):
        ending = f"_{place}" if place > 1 else ""
        yield from (f"{name}{ending}" for name in names)


def _csv_line(name, pairs, top, *last):
    cells = [cell for pair in pairs for cell in pair]
    return _csv([name, *cells, *[""] * (2 * top - len(cells)), *last])


def _csv(cells):
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
