"""Figures as a part of an HTML page."""

import re
from html import unescape
from xml.etree import ElementTree

from markupsafe import Markup


def inline_svg(svg: str | bytes, prefix: str, alternative: str) -> Markup:
    """Make an SVG file a part of an HTML page.

    Ids get a prefix, since two figures use the same ones; the style sheet is confined to the
    figure; metadata and the fixed size go, so that the picture scales with the page.

    Parameters
    ----------
    svg : str or bytes
        An SVG document.
    prefix : str
        Unique in the page.
    alternative : str
        Text for readers who cannot see the figure.

    Returns
    -------
    markupsafe.Markup
        An ``<svg>`` element.

    Examples
    --------
    >>> inline_svg('<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt" '
    ...            'viewBox="0 0 72 36"><g id="a"/></svg>', "figure-9", "A <plot>")
    Markup('<svg viewBox="0 0 72 36" id="figure-9-drawing" role="img" aria-label="A &lt;plot&gt;" \
style="--natural:96px"><g id="figure-9-a" /></svg>')
    """
    root = ElementTree.fromstring(svg)
    points = float(re.match(r"[\d.]+", root.attrib.pop("width"))[0])
    root.attrib.pop("height")
    root.attrib.pop("version", None)
    for parent in list(root.iter()):
        for child in [c for c in parent if c.tag.endswith("}metadata")]:
            parent.remove(child)
    for element in root.iter():
        # in HTML the namespaces are known, and a prefix would not be
        element.tag = element.tag.rpartition("}")[2]
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            element.attrib[name.rpartition("}")[2]] = _prefixed(name, value, prefix)
        if element.tag == "style":
            element.text = f"#{prefix}-drawing {element.text}"
    root.attrib |= {
        "id": f"{prefix}-drawing",
        "role": "img",
        "aria-label": alternative,
        # the page scales it: larger than in a journal where there is room, never smaller
        "style": f"--natural:{points * 4 / 3:.0f}px",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def figure_notes(svg: str | bytes) -> list[str]:
    """Read what a figure says about itself: shortened texts in full, characters without a font.

    Parameters
    ----------
    svg : str or bytes
        An SVG document of `seermatch.figures.style.figure_bytes`.

    Returns
    -------
    list of str
        Sentences for the caption; empty where the figure shows everything.

    Examples
    --------
    >>> figure_notes("<svg><dc:description>Shortened: “a…” is “a &amp; b”.</dc:description></svg>")
    ['Shortened: “a…” is “a & b”.']
    >>> figure_notes("<svg/>")
    []
    """
    text = svg.decode() if isinstance(svg, bytes) else svg
    found = re.search(r"<dc:description>(.*?)</dc:description>", text, re.DOTALL)
    return unescape(found[1]).splitlines() if found else []


def sentence_of(svg: str | bytes) -> str:
    """Read the sentence that stands in the place of a figure.

    Parameters
    ----------
    svg : str or bytes
        An SVG document.

    Returns
    -------
    str
        From `seermatch.figures.style.sentence_figure`; empty for a figure.

    Examples
    --------
    >>> sentence_of('<svg><g id="sentence"><text>Nobody</text><text>died.</text></g></svg>')
    'Nobody died.'
    >>> sentence_of('<svg><g id="axes_1"><text>12</text></g></svg>')
    ''
    """
    found = ElementTree.fromstring(svg).iterfind(".//*[@id='sentence']")
    return " ".join(text.strip() for part in found for text in part.itertext() if text.strip())


def _prefixed(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name.endswith("href"):
        return re.sub(r"^#", f"#{prefix}-", value)
    return re.sub(r"url\(#", f"url(#{prefix}-", value)
