"""Makes charts: their canvas, and fonts for words in any script."""

import contextlib
import functools
import io
import logging
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aet_keras._optional import needing, optional
from aet_keras.evaluation import printed_text

SPELT = (
    "Letters that no installed font has are spelt by their codes, such as "
    r"\u5e3d; report.json has the names as they are."
)
# Okabe and Ito's colours, told apart also by the colour-blind.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, DIM, GREY = "#333333", "#767676", "#E6E6E6"
_USUAL = "DejaVu Sans"  # comes with Matplotlib
_MOST_FONTS = 4
_FROM_RIGHT = {"R", "AL"}
_MARK = "\u200e"  # left to right


def new_figure(width: float, height: float, **options: Any) -> Any:
    """Returns a figure of so many inches that needs no screen.

    Args:
        width: float. In inches.
        height: float. In inches.
        **options: of `matplotlib.figure.Figure`.
    """
    with needing("training"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), **{"dpi": 110, **options})
    FigureCanvasAgg(figure)  # never pyplot: it keeps state
    return figure


def style(axes: Any, title: str, **grid: Any) -> None:
    """Gives axes a title, a pale grid below the data, and no box around."""
    axes.set_title(title, fontsize=11, parse_math=False)
    axes.grid(**{"color": GREY, "linewidth": 0.8, **grid})
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def count_on_x(axes: Any, label: str, *, most: int) -> None:
    """Labels a horizontal axis of whole numbers, with few ticks."""
    MaxNLocator = optional("matplotlib.ticker", extra="training").MaxNLocator

    axes.set_xlabel(label)
    locator = MaxNLocator(most, integer=True, min_n_ticks=1)
    axes.xaxis.set_major_locator(locator)


def png_of(figure: Any, *, boxes: bool = False) -> bytes:
    """Returns a figure as the bytes of a PNG file.

    Args:
        figure: of Matplotlib.
        boxes: bool. Whether letters that the font lacks may be drawn as boxes,
            without a warning. Defaults to `False`.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        if boxes:
            warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


@contextlib.contextmanager
def lettered(words: Iterable[str]) -> Iterator[Callable[[str], str]]:
    """Selects fonts that have the letters of all words, for a `with` block.

    Matplotlib's own font lacks Chinese, Japanese, Korean and most emoji. What
    it lacks is looked for in the installed fonts. A letter that none of them
    has is written as in Python, `\\u5e3d`, not drawn as a box.

    Args:
        words: all that will be written.

    Yields:
        Function of one of the words that returns it as it can be drawn. What
        is to be cut is cut afterwards.
    """
    rc_context = optional("matplotlib", extra="training").rc_context

    needed = {c for word in words for c in _readable(word)}
    families, known = _families(frozenset(needed))

    def spell(text):
        return "".join(
            c if c in known else _escaped(c) for c in _readable(text)
        )

    with rc_context({"font.family": families}), _quiet():
        yield spell


def is_spelt(words: Iterable[str], spell: Callable[[str], str]) -> bool:
    """Says whether some of the letters are in no installed font."""
    return any(spell(word) != _readable(word) for word in words)


def apart(text: str) -> str:
    """Keeps numbers and signs on the right of right-to-left words.

    Numbers and signs would join an Arabic or Hebrew name, on its left. Marks
    that are not drawn end it. To be called last.
    """
    kinds = [unicodedata.bidirectional(c) for c in text]
    if not _FROM_RIGHT & set(kinds):
        return text
    found, was = [_MARK], False
    for character, kind in zip(text, kinds, strict=True):
        if kind not in ("NSM", "WS"):  # an accent, a space
            found += [_MARK] if was and kind not in _FROM_RIGHT else []
            was = kind in _FROM_RIGHT
        found.append(character)
    return "".join([*found, _MARK])


def _readable(text):
    return unicodedata.normalize("NFC", printed_text.readable(text))


def _escaped(character):
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@functools.lru_cache(maxsize=32)
def _families(needed):
    """Returns fonts to try one after the other, and what they have."""
    font_manager = optional("matplotlib.font_manager", extra="training")

    usual = font_manager.findfont(_USUAL)
    known = set(_characters(usual))
    families = [_USUAL]
    while (missing := needed - known) and len(families) < _MOST_FONTS:
        name, found = _best_font(missing)
        if not found:
            break
        families.append(name)
        known |= found
    return families, frozenset(known)


def _best_font(missing):
    """Returns the installed font that has most of what is missing."""
    best, most = "", set()
    for name, path in _installed():
        found = missing & _characters(path)
        if len(found) > len(most):
            best, most = name, set(found)
        if len(most) == len(missing):
            break
    return best, most


@functools.cache
def _installed():
    """Returns family and path of each upright font, the plainest first."""
    font_manager = optional("matplotlib.font_manager", extra="training")

    entries = [
        entry
        for entry in font_manager.fontManager.ttflist
        # It draws a box with a code for each letter.
        if entry.style == "normal" and not entry.name.startswith("Last Resort")
    ]
    entries.sort(key=lambda e: ("Sans" not in e.name, e.name, e.fname))
    with _quiet():
        return [
            (entry.name, entry.fname)
            for entry in entries
            if _drawn_by(entry.name) == entry.fname
        ]


def _drawn_by(name):
    """Returns which file of a family Matplotlib draws with, regular weight."""
    font_manager = optional("matplotlib.font_manager", extra="training")

    return font_manager.findfont(
        font_manager.FontProperties(family=[name]), fallback_to_default=False
    )


@contextlib.contextmanager
def _quiet():
    """Silences the message of Matplotlib that a font has no bold letters."""
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


@functools.lru_cache(maxsize=1024)
def _characters(path):
    """Returns the characters that a font can draw; none if it is unreadable."""
    FT2Font = optional("matplotlib.ft2font", extra="training").FT2Font

    try:
        font = FT2Font(path)
    except (OSError, RuntimeError, ValueError):
        return frozenset()
    if not _is_drawn(font):
        return frozenset()
    return frozenset(map(chr, font.get_charmap()))


def _is_drawn(font):
    # Fonts of coloured images have no outlines, and are not drawn.
    return font.scalable and font.num_glyphs > 0
