"""Fonts of figures: families for characters that those of the style lack.

Which characters a machine can draw depends on its fonts. Those of the style come first; a text
that needs others gets the families that hold them, so that a text in Latin letters looks the same
on every machine.
"""

import warnings
from collections.abc import Iterable
from contextlib import contextmanager
from functools import lru_cache

from matplotlib.font_manager import fontManager, get_font

from seermatch.wording.numbers import NO_FONT

BASE_FAMILIES = ("DejaVu Sans", "Verdana", "Arial")
# Sans serif families with many scripts come first, then whatever is there.
PREFERRED = (
    *("Noto Sans", "Source Han Sans", "WenQuanYi", "Droid Sans Fallback", "Arial Unicode"),
    *("Microsoft YaHei", "PingFang", "Hiragino Sans", "Yu Gothic", "Malgun Gothic", "Segoe UI"),
)
# Last Resort draws a box for everything; those of TeX have other characters in their places.
UNFIT = ("Last Resort", "cm", "STIXSize", "STIXNonUnicode")
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # drawn as nothing, in any font


class FigureTextWarning(UserWarning):
    """A text of a figure cannot be drawn as it is."""


@lru_cache
def _characters(path: str) -> frozenset[int]:
    """Code points that a font file can draw."""
    return frozenset(get_font(path).get_charmap())


def _rank(family: str) -> tuple:
    place = next((i for i, name in enumerate(PREFERRED) if family.startswith(name)), len(PREFERRED))
    return place, "Sans" not in family, family


@lru_cache
def _find_families(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Find families for characters, and name those that none has."""
    fonts: dict[str, str] = {}
    for entry in sorted(fontManager.ttflist, key=lambda font: (font.style != "normal", font.fname)):
        if not entry.name.startswith(UNFIT):
            fonts.setdefault(entry.name, entry.fname)
    base = [family for family in BASE_FAMILIES if family in fonts]
    found, missing = [], set(characters)
    for family in [*base, *sorted(fonts.keys() - set(base), key=_rank)]:
        has = {each for each in missing if ord(each) in _characters(fonts[family])}
        if has and family not in base:
            found.append(family)
        missing -= has
        if not missing:
            break
    return tuple(found), frozenset(missing)


def families_of(text: str) -> list[str]:
    """Name the font families that a text is drawn with.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        ``"sans-serif"``, and installed families for characters that its fonts lack.

    Examples
    --------
    >>> families_of("M0(i+) ≤ 0.2 mm")
    ['sans-serif']
    """
    return ["sans-serif", *_find_families(_drawn(text))[0]]


def characters_without_font(texts: Iterable[str]) -> str:
    """List the characters that no font of this machine has.

    Parameters
    ----------
    texts : iterable of str
        Texts of a figure.

    Returns
    -------
    str
        Each character once, in the order in which they come.

    Examples
    --------
    >>> characters_without_font(["M0", "M0(i+)"])
    ''
    """
    text = "".join(texts)
    missing = _find_families(_drawn(text))[1]
    return "".join(each for each in dict.fromkeys(text) if each in missing)


def _drawn(text: str) -> frozenset[str]:
    return frozenset(each for each in text if not each.isspace() and each not in JOINERS)


def say_no_font(characters: str) -> str:
    """Say which characters a figure shows as boxes, and what to do.

    Parameters
    ----------
    characters : str
        From `characters_without_font`.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> say_no_font("乳腺")
    'No font of this machine has 乳, 腺 (U+4E73, U+817A): figures as PNG and PDF show a box in \
place of each. Install a font that has them, such as Noto Sans CJK, and draw the figures again.'
    """
    shown = characters[:12]
    codes = ", ".join(f"U+{ord(each):04X}" for each in shown)
    more = f" and {len(characters) - len(shown)} more" if len(characters) > len(shown) else ""
    return (
        f"{NO_FONT} {', '.join(shown)} ({codes}){more}: figures as PNG and PDF show a box in "
        "place of each. Install a font that has them, such as Noto Sans CJK, and draw the "
        "figures again."
    )


@contextmanager
def without_glyph_warnings():
    """Silence matplotlib's warning for every missing glyph: the figure warns once, in a sentence.

    Examples
    --------
    >>> with without_glyph_warnings():
    ...     warnings.warn("Glyph 20083 missing from font(s) DejaVu Sans.")
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        yield
