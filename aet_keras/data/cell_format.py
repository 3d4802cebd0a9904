"""Which record says what the cells of a column mean?"""

import dataclasses

# They mean nothing else in any language. What is a word to some (`None`, `NA`,
# `-`, `unknown`) is not among them.
MISSING_WORDS = (
    "#DIV/0!",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "#NULL!",
    "#REF!",
    "#VALUE!",
    "-NaN",
    "-nan",
    "<NA>",
    "<NULL>",
    "<NaN>",
    "<na>",
    "<nan>",
    "<null>",
    "N/A",
    "NAN",
    "NULL",
    "NaN",
    "NaT",
    "\\N",
    "n/a",
    "nan",
    "null",
)
_EARLIER_WORDS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None")


@dataclasses.dataclass(frozen=True)
class CellFormat:
    """Says what the cells of a column mean, wherever they are met.

    The same record is used to read a file, is written in a manifest, and is
    built into the SavedModel.

    Args:
        missing: tuple of str. Words that mean a missing cell, spelled so; an
            empty cell is always missing. A word that is a number, such as
            `-999`, is that number, however it is written. Defaults to
            `MISSING_WORDS`.
        decimal: `"."` or `","`. Stands before the decimals.
        thousands: str. Stands between thousands: `","`, `"."`, `"'"`, a
            space, or `""` for nothing.
        unit: str. What may stand before or behind a number, such as `"$"`,
            `"%"` or `"kg"`, and does not change it.
        date_format: str. As of `datetime.strptime`, with year, month and
            day. Defaults to `""`: `2024-03-17`, whatever follows it.
        spellings: tuple of str. Words that are meant however large and small
            letters are mixed, such as `("false", "true")`.

    Example:

    >>> aet_keras.data.CellFormat(decimal=",", thousands=".").unit
    ''
    """

    missing: tuple[str, ...] = MISSING_WORDS
    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    date_format: str = ""
    spellings: tuple[str, ...] = ()


# What releases before 0.10 did, whose manifests hold no formats.
EARLIER_FORMAT = CellFormat(missing=_EARLIER_WORDS)
