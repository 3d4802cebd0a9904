"""What does a tracker show of a finished report?"""

import io
import os
import pathlib
import tempfile

from aet_keras.evaluation import (
    Classification,
    Report,
    _lettering,
    _matrix,
    draw_report,
)

_MOST_LABELS = 50


def report_png(report: Report, picture: str | os.PathLike | None) -> bytes:
    """Returns the report's picture: the one that is there, or a new one."""
    if picture is not None:
        return pathlib.Path(picture).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        return draw_report(report, f"{folder}/report.png").read_bytes()


def matrix_png(scores: Classification) -> bytes:
    """Draws a confusion matrix; above 40 classes the largest confusions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = 5 + 0.2 * min(len(scores.per_class), _matrix.MOST_CLASSES)
    figure = Figure(figsize=(1.4 * side, side), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    names = [score.name for score in scores.per_class]
    with _lettering.lettered([*names, "…→"]) as spell:
        _matrix.draw(figure.add_subplot(), scores, spell)
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def matrix_table(scores: Classification) -> str:
    """Returns a confusion matrix in Markdown; above 50 classes, its errors."""
    names = [score.name.replace("|", "\\|") for score in scores.per_class]
    if len(names) > _MOST_LABELS:
        return code_block(scores.to_text())
    head = " | ".join(["true \\ predicted", *names])
    rows = [
        " | ".join([f"**{name}**", *map(str, row)])
        for name, row in zip(names, scores.confusion_matrix, strict=True)
    ]
    rule = "|".join(["---"] * (len(names) + 1))
    return "\n".join([head, rule, *rows])


def code_block(text: str) -> str:
    """Returns text that Markdown shows as it stands."""
    return "\n".join(f"    {line}" for line in text.splitlines())
