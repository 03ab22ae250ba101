"""Texts in figures: of any length and script they are inside, apart, and not under curves."""

import io
import warnings
from functools import lru_cache

import numpy as np
import pytest
from drawn_figures import draw_all, drawn_texts, problems
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import fontManager
from matplotlib.text import Text
from PIL import Image
from seermatch.figures import text as figure_text
from seermatch.figures.flow_chart import LONGEST as LONGEST_CRITERION
from seermatch.figures.fonts import FigureTextWarning, families_of, say_no_font
from seermatch.figures.style import COLUMN, PAGE, figure_bytes, new_figure, styled
from seermatch.figures.text import LONGEST, StudyFigure, one_line, shorten, text_width, wrap_text
from seermatch.report.inline_svg import figure_notes
from seermatch.variables.printed import printed

SIXTY = "Cells <= 0.2 mm in blood & bone marrow, $n_1$ or $n_2$ (IHC)"
TEXTS = {
    "sixty": (
        ("No disseminated tumor cells in any examined site, stage (M0)", SIXTY),
        ("Infiltrating duct carcinoma, not otherwise specified (8500)", "Everything else " * 3),
    ),
    "one word": (("W" * 60, "x" * 60), ("W" * 60, "i" * 60, "Cystadenocarcinoma" * 3)),
    "longer": (
        ("a label that goes on " * 10, "a label that goes on " * 10 + "for ever"),
        ("Another " * 60, "Another " * 60 + "one"),
    ),
    "scripts": (
        ("未检出播散肿瘤细胞的患者（骨髓）" * 3, "乳腺癌"),
        ("浸润性导管癌", "سرطان الثدي", "סרטן השד", "รังไข่", "n\u0308\u0301\u0302\u0303 e\u0301"),
    ),
    "signs": (
        ("", "_n$1$"),
        ("$n_1$", "\\frac{1}{2}", "%s 100%", "{} {0}", "<b>&amp;", "a\nb\tc\x07", "_", " ", "$"),
    ),
    "many": (("M0", "M0(i+)"), tuple(f"level {i} of a factor with very many" for i in range(15))),
}  # fmt: skip


@lru_cache(maxsize=1)
def drawn(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FigureTextWarning)
        return draw_all(*args, **kwargs)


def assert_sound(figures, labels, texts):
    for name, figure in figures.items():
        assert problems(figure) == [], name
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 7
        for short, full in figure.full_texts.items():
            assert len(short) <= LONGEST_CRITERION
            assert f"“{short}” is “{full}”" in figure.notes()[0]
            assert full in {one_line(printed(text)) for text in (*labels, *texts)}


@pytest.mark.parametrize("width", [COLUMN, PAGE])
@pytest.mark.parametrize("name", TEXTS)
def test_every_figure_with_awkward_texts(name, width):
    labels, texts = TEXTS[name]
    course, masked = ("half died", False) if width == COLUMN else ("nearly all", True)
    assert_sound(drawn(labels, texts, width, course=course, masked=masked), labels, texts)


def test_masked_counts_are_whole_and_survival_may_be_high():
    labels, texts = TEXTS["sixty"]
    figures = drawn(labels, texts, COLUMN, course="few deaths", masked=True)
    assert_sound(figures, labels, texts)
    masked = [text for text, _ in drawn_texts(figures["survival"]) if text == "masked"]
    assert len(masked) >= 4
    plain = drawn(("M0", "M0(i+)"), ("Other",), COLUMN, masked=True)
    assert_sound(plain, ("M0", "M0(i+)"), ["Other"])
    assert all(not figure.notes() for figure in plain.values())


LETTERS = st.characters(max_codepoint=0x24F)  # boxes for missing ones may touch the next line
WORDS = st.text(st.one_of(st.sampled_from("aW$_\\{}^%& -(乳ש\u0301\n"), LETTERS), max_size=90)


# without shrinking, each step of which would draw all figures again
@settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.tuples(WORDS, WORDS), st.lists(WORDS.filter(one_line), min_size=2, max_size=4))
def test_every_figure_with_any_texts(labels, texts):
    labels = (labels[0] + "0", labels[1] + "1")
    assert_sound(drawn(labels, tuple(texts), COLUMN), labels, texts)


# ----- one text ----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(5, 80))
def test_lines_fit_and_hold_the_whole_text(text, width):
    figure = new_figure(COLUMN, 40)
    text = one_line(text)
    lines = wrap_text(figure, text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert text_width(figure, line) <= width or len(figure_text.split_characters(line)) == 1


@given(st.lists(st.text(st.sampled_from("abc \u0301乳"), min_size=1, max_size=200), min_size=1))
def test_short_texts_stay_and_different_ones_stay_different(texts):
    figure = StudyFigure()
    shown = {one_line(text): shorten(figure, text) for text in texts}
    assert len(set(shown.values())) == len(shown)
    for full, short in shown.items():
        fits = len(figure_text.split_characters(full)) <= LONGEST
        assert (short == full) == fits
        assert fits or figure.full_texts[short] == full


def test_texts_of_sixty_characters_are_shown_in_full():
    labels, texts = TEXTS["sixty"]
    figures = drawn(labels, texts, COLUMN, course="half died", masked=False)
    assert all(figure.notes() == [] for figure in figures.values())
    shown = " ".join(text for text, _ in drawn_texts(figures["flow chart"]))
    assert SIXTY in shown


def test_dollars_and_underscores_are_no_mathematics():
    labels = ("_n$1$", "$n_1$ \\alpha")
    figures = drawn(labels, ("$x_1$", "_y_"), PAGE)
    for name, figure in figures.items():
        assert not any(text.get_parse_math() for text in figure.findobj(Text) if text.get_text()), (
            name
        )
    for name in ("flow chart", "survival", "incidence", "log-log", "forest plot"):
        svg = figure_bytes(figures[name]).decode()
        assert "$n_1$ \\alpha" in svg and "_n$1$" in svg, name
    legend = figures["survival"].axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list(labels)


# ----- fonts -------------------------------------------------------------------------------------

LETTER = "\N{YI SYLLABLE IT}"


def make_font(path):
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0)), pen.lineTo((900, 0)), pen.lineTo((500, 900)), pen.closePath()
    glyphs = dict.fromkeys((".notdef", "it"), pen.glyph())
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(list(glyphs))
    font.setupCharacterMap({ord(LETTER): "it"})
    font.setupGlyf(glyphs)
    font.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    font.setupHorizontalHeader(ascent=900, descent=-200)
    font.setupNameTable({"familyName": "Triangle Sans", "styleName": "Regular"})
    font.setupOS2(usWeightClass=400)
    font.setupPost()
    font.save(path)


@styled
def one_text(text):
    figure = new_figure(COLUMN, 20)
    figure.text(0.1, 0.5, text)
    return figure


def test_characters_that_the_font_lacks_come_from_one_that_has_them(tmp_path):
    before = list(fontManager.ttflist)
    make_font(tmp_path / "triangle.ttf")
    fontManager.addfont(tmp_path / "triangle.ttf")
    try:
        assert families_of(LETTER) == ["sans-serif", "Triangle Sans"]
        figure = one_text(f"M0 {LETTER}")
        assert figure.notes() == []
        picture = np.asarray(Image.open(io.BytesIO(figure_bytes(figure, "png"))).convert("L"))
        width = np.flatnonzero((picture < 128).any(axis=0))
        assert text_width(new_figure(COLUMN, 20), LETTER, 7.5) == pytest.approx(2.65, rel=0.2)
        assert len(width) > 50  # columns of ink: M, 0 and the triangle
        assert b"Triangle Sans" in figure_bytes(figure)
        assert figure_bytes(figure, "pdf")
    finally:
        fontManager.ttflist = before


def test_characters_that_no_font_has_are_named_once_in_a_sentence():
    letter = "\N{YI SYLLABLE IX}"
    with pytest.warns(
        FigureTextWarning, match=r"No font of this machine has ꀁ \(U\+A001\)"
    ) as told:
        figure = one_text(f"M0 {letter}{letter}")
    assert len(told) == 1
    assert figure.notes() == [say_no_font(letter)]
    svg = figure_bytes(figure)  # without matplotlib's own warnings
    assert letter.encode() in svg and figure_notes(svg) == figure.notes()
    figure_bytes(figure, "png")
    many = "".join(map(chr, range(0xA000, 0xA020)))
    assert "and 20 more" in say_no_font(many)
