"""How does a person read the scores of a classifier on a terminal?"""

from aet_keras.evaluation import _text

_MOST_ROWS = 40
_MOST_NAME = 32
_LEAST_NAME = 8


def classification_text(scores) -> str:
    """Returns headline, classes and confusions of a `Classification`."""
    parts = [_headline(scores), _class_table(scores), _confusions(scores)]
    return "\n\n".join(part for part in parts if part)


def _headline(scores):
    return (
        f"accuracy {scores.accuracy:.4f}   loss {scores.loss:.4f}   "
        f"({scores.count} examples)\n"
        f"macro    precision {scores.macro_precision:.4f}   "
        f"recall {scores.macro_recall:.4f}   F1 {scores.macro_f1:.4f}"
    )


def _class_table(scores):
    rows = scores.per_class
    names = _text.widest([row.name for row in rows], most=_MOST_NAME)
    names = max(names, len("class"))
    head = f"{'class':<{names}}  precision  recall      F1   count"
    if len(rows) > _MOST_ROWS:
        head = f"The {_MOST_ROWS} lowest F1 of {len(rows)} classes\n{head}"
        present = [row for row in rows if row.count]
        rows = sorted(present, key=lambda row: row.f1)[:_MOST_ROWS]
    return "\n".join([head, *(_class_row(row, names) for row in rows)])


def _class_row(row, names):
    precision, recall, f1 = (
        "-" if value is None else f"{value:.3f}"
        for value in (row.precision, row.recall, row.f1)
    )
    name = _text.fit(row.name, names)
    return f"{name}  {precision:>9}  {recall:>6}  {f1:>6}  {row.count:>6}"


def _confusions(scores):
    matrix = scores.confusion_matrix
    number = len(str(len(matrix)))
    cell = 1 + max(number, len(str(max(map(max, matrix)))))
    room = _text.COLUMNS - len(matrix) * cell - number - 1
    names = [score.name for score in scores.per_class]
    wanted = _text.widest(names, most=_MOST_NAME)
    if room < min(wanted, _LEAST_NAME):
        return ""
    names = min(wanted, room)
    numbers = range(1, len(matrix) + 1)
    lines = ["confusions: a row is the true class, a column what it was called"]
    lines += [" " * (number + 1 + names) + _cells(numbers, cell)]
    for index, score, row in zip(
        numbers, scores.per_class, matrix, strict=True
    ):
        name = _text.fit(score.name, names)
        lines.append(
            f"{index:>{number}} {name}{_cells([c or '.' for c in row], cell)}"
        )
    return "\n".join(lines)


def _cells(values, columns):
    return "".join(f"{value:>{columns}}" for value in values)
