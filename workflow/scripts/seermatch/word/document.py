"""Printed tables as a Word document in journal style: three lines, no vertical ones.

The same tables give the same bytes: dates are fixed, and so are those of the members of the
archive that a Word document is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from seermatch.wording.printed_tables import NOTE_MARKS, PrintedTable

FONT = "Times New Roman"
SIZES = {
    **{"Normal": 10, "Title": 14, "Heading 1": 12, "Caption": 10, "Header": 9},
    **{"Table Text": 9, "Table Notes": 8.5, "Banner": 10},
}
PAGE = (Cm(21.0), Cm(29.7))  # A4
MARGIN = Cm(2.0)
PADDING = Cm(0.15)  # left and right of a cell's text
GAP = Cm(0.4)  # before columns under a header of their own
INDENT = Cm(0.4)  # of a level below its variable
LABELS = (Cm(4.5), Cm(7.5))  # row labels: least width before a page is turned, and largest
MARK_WIDTH = Pt(2.7)  # of a raised letter, which hangs out of its column
THICK, THIN = 12, 6  # lines, in eighths of a point
ORDER = (
    *("tblStyle", "tblW", "jc", "tblInd", "tblBorders", "tblLayout", "tblCellMar", "tblLook"),
    *("tblDescription", "tcW", "gridSpan", "vMerge", "tcBorders", "vAlign"),
)
FIXED_DATE = datetime(1980, 1, 1, tzinfo=UTC)  # the earliest that a zip archive can hold

_MARK = re.compile(f"([{NOTE_MARKS}])")
_LETTERS = dict(zip(NOTE_MARKS, "abcdef", strict=True))
_NUMBER = re.compile(r"[<>≥≤−]?\s?\d")
_NARROW, _WIDE = frozenset("iljtfr.,;:()[]|'/ "), frozenset("mwMW%+−=<>≥≤")


def word_document(
    title: str, groups: Mapping[str, Mapping[str, PrintedTable]], banner: str = ""
) -> bytes:
    """Write tables as a Word document.

    Parameters
    ----------
    title : str
        Title of the study.
    groups : mapping
        Heading to the tables below it, each under its name, such as ``"Table 1"``.
    banner : str, optional
        A warning, at the top and in the head of each page.

    Returns
    -------
    bytes
        A ``.docx`` file. Each table begins a page, which is turned where the table is too wide;
        its header rows repeat on every further page.

    Examples
    --------
    >>> from seermatch.wording.printed_tables import HeaderCell, PrintedRow
    >>> table = PrintedTable("Mortality.", ((HeaderCell("Variable"), HeaderCell("HR")),),
    ...                      (PrintedRow("Age (per year)", ("1.069ᵃ",)),), ("ᵃ Firth.",))
    >>> content = word_document("A study", {"Tables": {"Table 1": table}})
    >>> Document(BytesIO(content)).tables[0].cell(1, 1).text
    '1.069a'
    """
    document = Document()
    _set_styles(document)
    _set_properties(document, title)
    _turn(document.sections[0], landscape=False)
    if banner:
        _add_banner(document, banner)
    document.add_paragraph(title, style="Title")
    first = True
    for heading, tables in groups.items():
        for name, table in tables.items():
            widths, landscape = _widths(table)
            turned = _is_landscape(document.sections[-1]) != landscape
            if turned and not first:
                section = document.add_section()
                section.different_first_page_header_footer = False  # only the first page of all
            if turned:
                _turn(document.sections[-1], landscape)
            start = len(document.paragraphs)
            if name == next(iter(tables)):
                document.add_paragraph(heading, style="Heading 1")
            _add_table(document, name, table, widths)
            document.paragraphs[start].paragraph_format.page_break_before = not (first or turned)
            first = False
    buffer = BytesIO()
    document.save(buffer)
    return _with_fixed_dates(buffer.getvalue())


def _with_fixed_dates(archive: bytes) -> bytes:
    """Write a zip archive again with one date for all of its members."""
    buffer = BytesIO()
    with ZipFile(BytesIO(archive)) as source, ZipFile(buffer, "w") as target:
        for name in source.namelist():
            member = ZipInfo(name, FIXED_DATE.timetuple()[:6])
            member.compress_type = ZIP_DEFLATED
            member.create_system = 3  # else it tells the operating system
            target.writestr(member, source.read(name))
    return buffer.getvalue()


# ----- document ----------------------------------------------------------------------------------


def _set_styles(document) -> None:
    """Use one black font instead of the template's colors."""
    for name in ("Table Text", "Table Notes", "Banner"):
        document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    shaded = document.styles["Banner"].element.get_or_add_pPr()
    _append(shaded, "shd", val="clear", color="auto", fill="FFF3CD")
    for name, size in SIZES.items():
        style = document.styles[name]
        style.font.name, style.font.size = FONT, Pt(size)
        style.font.color.rgb = RGBColor(0, 0, 0)
        style.font.bold = name in ("Title", "Heading 1")
        fonts = style.element.rPr.rFonts
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        spacing = style.paragraph_format
        spacing.space_before, spacing.space_after, spacing.line_spacing = Pt(0), Pt(4), 1.0
        for border in style.element.findall(f"{qn('w:pPr')}/{qn('w:pBdr')}"):
            border.getparent().remove(border)
    document.styles["Title"].paragraph_format.space_before = Pt(8)
    document.styles["Title"].paragraph_format.space_after = Pt(12)
    text = document.styles["Table Text"].paragraph_format
    text.space_before = text.space_after = Pt(1.5)
    document.styles["Table Notes"].paragraph_format.space_before = Pt(3)
    document.styles["Caption"].paragraph_format.keep_with_next = True


def _set_properties(document, title: str) -> None:
    """Name the study, and neither an author nor a date of a machine."""
    properties = document.core_properties
    properties.title = title[:255]  # more the format does not hold
    properties.subject = "Tables and supplementary tables"
    properties.author = properties.comments = properties.last_modified_by = ""
    properties.language = "en-US"
    properties.created = properties.modified = FIXED_DATE
    relations = document.part.package.rels
    for key in [k for k, r in relations.items() if r.reltype == RELATIONSHIP_TYPE.THUMBNAIL]:
        relations.pop(key)  # the picture of the template's empty page


def _add_banner(document, banner: str) -> None:
    document.sections[0].different_first_page_header_footer = True
    for paragraph in (document.add_paragraph(), document.sections[0].header.paragraphs[0]):
        paragraph.style = "Banner"
        paragraph.add_run(banner).bold = True


def _is_landscape(section) -> bool:
    return section.orientation == WD_ORIENT.LANDSCAPE


def _turn(section, landscape: bool) -> None:
    """Set the page, upright or turned."""
    width, height = PAGE[::-1] if landscape else PAGE
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = width, height
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", MARGIN)


def _append(parent, name: str, **attributes):
    """Add an element of WordprocessingML with its attributes."""
    element = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), str(value))
    parent.append(element)
    return element


def _sort(properties) -> None:
    """Put the properties of a table or cell into the order that the schema asks for."""
    properties[:] = sorted(properties, key=lambda child: ORDER.index(child.tag.split("}")[1]))


# ----- one table ---------------------------------------------------------------------------------


def _add_table(document, name: str, table: PrintedTable, widths: list[int]) -> None:
    """Add caption, table and notes."""
    caption = document.add_paragraph(style="Caption")
    caption.add_run(f"{name}. ").bold = True
    _write(caption, table.caption)
    n_header = len(table.header)
    grid = document.add_table(n_header + len(table.rows), len(widths))
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    element = document.element.body.tbl_lst[-1]
    _set_table(element.tblPr, f"{name}. {table.caption}")
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width
        for cell in column.cells:
            cell.width = width
            cell.paragraphs[0].style = "Table Text"
    for number, row in enumerate(element.tr_lst):
        properties = row.get_or_add_trPr()
        _append(properties, "cantSplit")
        if number < n_header:
            _append(properties, "tblHeader")
    rows = [row.cells for row in grid.rows]
    _fill_header(rows[:n_header], table)
    for cell in element.tr_lst[n_header - 1].tc_lst:  # of joined ones the lower part too
        borders = _append(cell.get_or_add_tcPr(), "tcBorders")
        _append(borders, "bottom", val="single", sz=THIN)
        _sort(cell.tcPr)
    for cells, row in zip(rows[n_header:], table.rows, strict=True):
        for j, text in enumerate((row.label, *row.cells)):
            paragraph = cells[j].paragraphs[0]
            _write(paragraph, text)
            _align(paragraph, table, j, text)
        if row.kind == "level":
            cells[0].paragraphs[0].paragraph_format.left_indent = INDENT
    for cell in rows[-1]:
        cell.paragraphs[0].paragraph_format.keep_with_next = True
    if table.notes:
        _write(document.add_paragraph(style="Table Notes"), " ".join(table.notes))


def _set_table(properties, description: str) -> None:
    """Draw the top and bottom line, and describe the table to screen readers."""
    _append(properties, "tblInd", w=PADDING.twips, type="dxa")  # lines end at the margins
    borders = _append(properties, "tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = {"val": "single", "sz": THICK} if side in ("top", "bottom") else {"val": "nil"}
        _append(borders, side, **line)
    padding = _append(properties, "tblCellMar")
    for side in ("left", "right"):
        _append(padding, side, w=PADDING.twips, type="dxa")
    look = properties.find(qn("w:tblLook"))
    for key in list(look.attrib):
        look.set(key, "1" if key == qn("w:firstRow") else "0")
    look.set(qn("w:val"), "0020")
    _append(properties, "tblDescription", val=description)
    _sort(properties)


def _fill_header(rows, table: PrintedTable) -> None:
    """Write the header cells, and join those that span."""
    taken: set[tuple[int, int]] = set()
    for i, header in enumerate(table.header):
        j = 0
        for cell in header:
            while (i, j) in taken:
                j += 1
            span = [(i + a, j + b) for a in range(cell.rows) for b in range(cell.columns)]
            taken.update(span)
            joined = rows[i][j]
            if len(span) > 1:
                joined = joined.merge(rows[i + cell.rows - 1][j + cell.columns - 1])
            paragraph = joined.paragraphs[0]
            text = _unbroken(cell.text)
            _write(paragraph, text, bold=text != "p", italic=text == "p")
            joined.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.BOTTOM
            if cell.columns > 1:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            else:
                _align(paragraph, table, j, text)


def _unbroken(header: str) -> str:
    """Keep ``n = 585`` on one line."""
    return header.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")


def _write(paragraph, text: str, bold=None, italic=None) -> None:
    """Write text, marks as raised letters."""
    for part in filter(None, _MARK.split(text)):
        run = paragraph.add_run(_LETTERS.get(part, part))
        run.bold, run.italic = bold, italic
        if part in _LETTERS:
            run.font.superscript = True


def _align(paragraph, table: PrintedTable, column: int, text: str) -> None:
    """Set numbers flush right; where a column has raised letters, they hang out of it."""
    cells = [(row.label, *row.cells)[column] for row in table.rows]
    if column == 0 or not any(map(_NUMBER.match, cells)):
        return
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    if any(map(_MARK.search, cells)) and not _MARK.search(text):
        paragraph.paragraph_format.right_indent = MARK_WIDTH


# ----- widths ------------------------------------------------------------------------------------


def _widths(table: PrintedTable) -> tuple[list[int], bool]:
    """Choose the widths of the columns, and whether the page must be turned for them."""
    columns = zip(*((row.label, *row.cells) for row in table.rows), strict=True)
    needed = [max(map(_text_width, column)) for column in columns]
    needed[0] = min(needed[0] + INDENT, LABELS[1])
    for j, (header, begins) in enumerate(_lowest_headers(table)):
        words = _unbroken(header).split(" ")
        # a header breaks between words, into three lines or so
        width = max(*map(_text_width, words), _text_width(header) / 3)
        needed[j] = max(needed[j], int(1.1 * width)) + (GAP if begins else 0)
    needed = [width + 2 * PADDING + MARK_WIDTH for width in needed]
    room = [PAGE[turned] - 2 * MARGIN for turned in (False, True)]
    spare = max(needed[0] - LABELS[0], 0)
    landscape = sum(needed) - spare > room[False]
    needed[0] -= min(max(sum(needed) - room[landscape], 0), spare)
    factor = room[landscape] / sum(needed)
    return [int(width * factor) for width in needed], landscape


def _lowest_headers(table: PrintedTable) -> list[tuple[str, bool]]:
    """Give the lowest header of each column, and whether it is the first under a joint one."""
    grid: list[dict[int, tuple[str, bool]]] = [{} for _ in table.header]
    for i, header in enumerate(table.header):
        j = 0
        for cell in header:
            while j in grid[i]:
                j += 1
            for row in grid[i : i + cell.rows]:
                for column in range(j, j + cell.columns):
                    row[column] = (cell.text, cell.columns > 1 and column == j)
    return [(grid[-1][j][0], any(row[j][1] for row in grid)) for j in sorted(grid[-1])]


def _text_width(text: str) -> int:
    """Estimate the width of text in a cell, rather too wide than too narrow."""
    em = sum(
        0.3 if c in _NARROW else 0.85 if c in _WIDE else 0.7 if c.isupper() else 0.5 for c in text
    )
    return Pt(SIZES["Table Text"] * em)
