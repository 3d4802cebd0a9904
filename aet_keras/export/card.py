"""Writes the page that a version carries, for people and for model hubs."""

import base64
import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aet_keras.export.card_blocks import (
    Bins,
    Code,
    Matrix,
    Picture,
    Section,
    Table,
)
from aet_keras.export.card_facts import (
    Facts,
    Measured,
    measured,
    read_facts,
    shown_number,
)
from aet_keras.export.card_sections import sections
from aet_keras.export.card_style import STYLE

HTML, MARKDOWN = "card.html", "card.md"
_HEADLINE, _LONG, _NARROW = 4, 60, 3
_FIRST = (
    "accuracy",
    "ROC AUC",
    "macro F1",
    "mean AP",
    "micro F1",
    "all tags right",
    "RMSE",
    "MAE",
    "R2",
    "hit rate",
    "NDCG",
)
_METRICS = {
    "accuracy": "accuracy",
    "macro F1": "f1",
    "ROC AUC": "roc_auc",
    "RMSE": "rmse",
    "MAE": "mae",
    "R2": "r_squared",
}


def write_card(directory: Path, *, name: str) -> None:
    """Writes `card.html` and `card.md` into a version, out of its files.

    The page is one file, which loads nothing. What the files of the version
    do not say is said to be unknown.

    Args:
        directory: path of the version; its other files are written.
        name: str. What the model is called.
    """
    facts = read_facts(directory, name)
    made = sections(facts)
    (directory / HTML).write_text(_page(facts, made), encoding="utf-8")
    (directory / MARKDOWN).write_text(_markdown(facts, made), encoding="utf-8")


def _page(facts: Facts, made: Sequence[Section]) -> str:
    """Returns the page; each text of a user is escaped."""
    name = html.escape(facts.name)
    parts = [
        f"<h1>{name}</h1>",
        f'<p class="task">{html.escape(_summary(facts))}</p>',
        _headline(facts),
    ]
    for section in made:
        blocks = "\n".join(map(_block, section.blocks))
        title = html.escape(section.title)
        parts.append(f"<section><h2>{title}</h2>\n{blocks}</section>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{name}: model card</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _summary(facts):
    task = facts.task.replace("-", " ")
    created = facts.report.get("created")
    when = created[:16].replace("T", " ") if created else "at an unknown time"
    return f"{task if task != 'other' else facts.kind}, made {when}"


def _headline(facts: Facts) -> str:
    """Returns the first figures, as a person looks for them."""
    figures = {each.name: each for each in measured(facts)}
    names = [name for name in _FIRST if name in figures] or list(figures)
    covered = facts.report.get("coverage")
    if covered:
        pair = covered["low"], covered["high"]
        asked = f"{covered['asked']:g} was asked"
        what = Measured("covered by its sets", covered["coverage"], pair, asked)
        if not covered["per_class"]:
            what = replace(what, name="covered by its intervals")
        names.insert(3, what.name)
        figures[what.name] = what
    cards = []
    for each in [figures[name] for name in names[:_HEADLINE]]:
        ends = "interval unknown"
        if each.ends is not None:
            ends = " to ".join(map(shown_number, each.ends))
        besides = each.baseline.split(";")[0].strip()
        if besides and not besides.endswith("asked"):
            besides = f"without it {besides}"
        cards.append(
            f"<div><b>{shown_number(each.value)}</b>"
            f"<span>{html.escape(each.name)}</span><small>{ends}</small>"
            f"<small>{_inline(besides)}</small></div>"
        )
    return f'<div class="figures">{"".join(cards)}</div>' if cards else ""


def _block(block: Any) -> str:
    return _BLOCKS[type(block)](block)


def _paragraph(text):
    return f"<p>{_inline(text)}</p>"


def _inline(text):
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _html_table(table: Table) -> str:
    head = ""
    if any(table.header):
        cells = "".join(f"<th>{html.escape(h)}</th>" for h in table.header)
        head = f"<thead><tr>{cells}</tr></thead>"
    rows = []
    for first, *others in table.rows:
        cells = "".join(_cell(each) for each in others)
        rows.append(f"<tr><th>{html.escape(first)}</th>{cells}</tr>")
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'


def _cell(text):
    is_figure = re.fullmatch(r"[-\d.,]+( to [-\d.,]+)?( MB)?", text)
    kind = ' class="n"' if is_figure else ""
    kind = ' class="long"' if len(text) > _LONG else kind
    return f"<td{kind}>{_inline(text)}</td>"


def _html_matrix(matrix: Matrix) -> str:
    above, beside = _matrix_names(matrix)
    names = "".join(
        f'<th title="{html.escape(name)}">{html.escape(short)}</th>'
        for name, short in zip(matrix.names, above, strict=True)
    )
    rows = []
    for i, (name, counts) in enumerate(
        zip(beside, matrix.counts, strict=True), start=1
    ):
        total = max(1, sum(counts))
        cells = "".join(
            _shaded(count, count / total, is_right=column == i)
            for column, count in enumerate(counts, start=1)
        )
        rows.append(f"<tr><th>{html.escape(name)}</th>{cells}</tr>")
    return (
        "<p>Confusions: a row is the true class, a column what it was called."
        '</p><div class="wide"><table class="matrix"><thead><tr><th></th>'
        f"{names}</tr></thead>{''.join(rows)}</table></div>"
    )


def _matrix_names(matrix):
    """Returns what stands above columns, and beside rows.

    Long names are numbered, so that columns are narrow.
    """
    if max(map(len, matrix.names)) <= _NARROW:
        return matrix.names, matrix.names
    places = [str(place) for place in range(1, len(matrix.names) + 1)]
    pairs = zip(places, matrix.names, strict=True)
    return places, [f"{place} {name}" for place, name in pairs]


def _shaded(count, share, *, is_right):
    kind = ' class="right"' if is_right else ""
    return f'<td style="--share:{share:.2f}"{kind}>{count or ""}</td>'


def _html_bins(bins: Bins) -> str:
    points = "".join(
        f'<circle cx="{20 + 200 * p:.1f}" cy="{220 - 200 * o:.1f}" r="4">'
        f"<title>predicted {p:.3f}, observed {o:.3f}, {count} rows</title>"
        "</circle>"
        for p, o, count in bins.points
    )
    line = " ".join(
        f"{20 + 200 * p:.1f},{220 - 200 * o:.1f}" for p, o, _ in bins.points
    )
    return (
        '<svg viewBox="0 0 240 250" role="img" aria-label="observed over '
        'predicted"><path d="M20 20V220H220" class="axis"/>'
        f'<path d="M20 220L220 20" class="even"/><polyline points="{line}"/>'
        f'{points}<text x="20" y="12">observed 1</text>'
        '<text x="220" y="238" text-anchor="end">predicted 1</text>'
        '<text x="20" y="238">0</text></svg>'
    )


def _html_picture(picture: Picture) -> str:
    data = base64.b64encode(picture.path.read_bytes()).decode()
    words = html.escape(picture.words)
    source = f"data:image/png;base64,{data}"
    return f'<figure><img alt="{words}" src="{source}"></figure>'


def _html_code(code: Code) -> str:
    lines = html.escape("\n".join(code.lines))
    return f'<div class="wide"><pre>{lines}</pre></div>'


_BLOCKS: dict[type, Callable[[Any], str]] = {
    str: _paragraph,
    Table: _html_table,
    Matrix: _html_matrix,
    Bins: _html_bins,
    Picture: _html_picture,
    Code: _html_code,
}


def _markdown(facts: Facts, made: Sequence[Section]) -> str:
    parts = [_front_matter(facts), f"# {_plain(facts.name)}"]
    for section in made:
        parts.append(f"## {section.title}")
        parts += [_MARKDOWN[type(each)](each) for each in section.blocks]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts):
    """Returns what model hubs read: YAML, each value written as JSON."""
    metrics = [
        {"type": _METRICS[each.name], "value": each.value, "name": each.name}
        for each in measured(facts)
        if each.name in _METRICS and each.value is not None
    ]
    about: dict[str, Any] = {
        "library_name": "keras",
        "license": "unknown",
        "tags": ["aet-keras", "keras", "tensorflow"],
    }
    if facts.task != "other":
        about["pipeline_tag"] = facts.task
    if metrics:
        source = Path(str(facts.recipe.get("data", "unknown"))).name
        result = {
            "task": {"type": facts.task},
            "dataset": {"name": source, "type": source, "split": "test"},
            "metrics": metrics,
        }
        about["model-index"] = [{"name": facts.name, "results": [result]}]
    lines = [f"{key}: {json.dumps(value)}" for key, value in about.items()]
    return "\n".join(["---", *lines, "---"])


def _plain(text):
    """Returns a text that Markdown takes for nothing else."""
    text = " ".join(text.split())
    return re.sub(r"([\\*_{}\[\]<>#|])", r"\\\1", text)


def _said(text):
    """Returns a sentence, the code in it left as it is."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(p if p.startswith("`") else _plain_inside(p) for p in parts)


def _plain_inside(text):
    return re.sub(r"([\\*_{}\[\]<>#|])", r"\\\1", text)


def _markdown_table(table: Table) -> str:
    rows = [table.header, ["---"] * len(table.header), *table.rows]
    lines = []
    for number, row in enumerate(rows):
        cells = row if number == 1 else [_plain(cell) for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _markdown_matrix(matrix: Matrix) -> str:
    above, beside = _matrix_names(matrix)
    header = ["true, then called", *above]
    rows = [
        [name, *map(str, counts)]
        for name, counts in zip(beside, matrix.counts, strict=True)
    ]
    return _markdown_table(Table(header, rows))


def _markdown_bins(bins: Bins) -> str:
    rows = [(f"{p:.3f}", f"{o:.3f}", str(count)) for p, o, count in bins.points]
    return _markdown_table(Table(("predicted", "observed", "rows"), rows))


_MARKDOWN: dict[type, Callable[[Any], str]] = {
    str: _said,
    Table: _markdown_table,
    Matrix: _markdown_matrix,
    Bins: _markdown_bins,
    Picture: lambda picture: f"![{picture.words}]({picture.path.name})",
    Code: lambda code: "\n".join(["```bash", *code.lines, "```"]),
}
