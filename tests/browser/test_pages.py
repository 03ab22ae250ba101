"""The report and the page on data quality in a real browser, Debian's chromium.

Nothing here reads the template: links are followed, keys pressed, pages printed, and axe-core
judges what a screen reader would get.
"""

import re
import shutil
import subprocess
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

PAGES = ("report.html", "data_quality.html")
WIDTHS = (390, 768, 1440)
A4_TEXT_WIDTH = 688  # CSS pixels between margins of 14 mm
OVERFLOWING = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.body.querySelectorAll("*")]
    .filter(e => !e.closest(".scroll > *, .skip, .hidden, .hidden *"))
    .filter(e => e.getBoundingClientRect().right > width + 0.5)
    .map(e => `${e.tagName} ${e.id} ${e.getBoundingClientRect().right}`);
}"""
ADD_TOKENS = """() => {
  const put = (cell, text) => {
    const token = document.createElement("span");
    token.textContent = ` \u00a7${text}\u00a7`;
    token.style.fontSize = "2px";
    cell.append(token);
  };
  return [...document.querySelectorAll("table")].map((table, t) => {
    put(table.tHead.rows[0].cells[0], `${t}h`);
    [...table.tBodies[0].rows].forEach((row, r) => {
      put(row.cells[0], `${t}r${r}a`);
      put(row.cells[row.cells.length - 1], `${t}r${r}z`);
    });
    const long = table.parentElement.classList.contains("long");
    return {rows: table.tBodies[0].rows.length, long};
  });
}"""


@pytest.fixture(scope="module")
def browser():
    paths = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    path = next(filter(None, paths), None)
    if path is None:
        pytest.skip("there is no chromium here (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, finished_study):
    """Open a page of the finished study in a window of its own."""
    context = browser.new_context()

    def visited(name="report.html", width=1440):
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((finished_study.path / "results" / name).as_uri())
        return page

    yield visited
    context.close()


def open_details(page):
    page.eval_on_selector_all("details", "all => all.forEach(e => e.open = true)")


def in_focus(page):
    return page.evaluate("document.activeElement.id || document.activeElement.className")


# ----- loading and moving around -----------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_pages_load_in_silence_and_without_network(visit, name):
    page = visit(name)
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_load_state("networkidle")
    assert page.said == []
    assert page.asked == [page.url]
    assert page.title()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_contents_link_lands_on_its_heading(visit, width):
    page = visit(width=width)
    links = page.locator("nav[aria-label=Contents] a")
    assert links.count() > 10
    for number in range(links.count()):
        link = links.nth(number)
        if number % 2:
            link.click()
        else:
            link.focus()
            page.keyboard.press("Enter")
        target = link.get_attribute("href").removeprefix("#")
        assert in_focus(page) == target
        heading = page.locator(f"#{target} > h2")
        assert heading.inner_text() == link.inner_text()
        box = heading.bounding_box()
        assert 0 <= box["y"] < 850, target
        assert 0 <= box["x"] < width, target


def test_the_skip_link_is_first_and_leads_to_the_content(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert in_focus(page) == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0
    page.keyboard.press("Enter")
    assert in_focus(page) == "content"


def test_every_stop_of_the_tab_key_can_be_seen(visit):
    page = visit()
    stops = page.locator("a, summary, input, .scroll").count()
    outlined = set()
    for _ in range(stops + 1):
        page.keyboard.press("Tab")
        outlined.add(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
        if page.evaluate("document.activeElement === document.body"):
            break
        where = page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
        assert outlined <= {"solid"}, where
    assert outlined


# ----- narrow and wide windows -------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(visit, name, width):
    page = visit(name, width)
    open_details(page)
    root = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert root[0] <= root[1] == width
    assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("name", PAGES)
def test_tables_and_figures_scroll_in_their_own_box_by_keyboard(visit, name):
    page = visit(name, 390)
    open_details(page)
    assert page.locator("table").count() == page.locator(".scroll > table").count() > 2
    wide = 0
    for box in page.locator(".scroll").all():
        scrolling = box.evaluate("e => e.scrollWidth - e.clientWidth")
        label = page.locator(f"#{box.get_attribute('aria-labelledby')}").inner_text()
        assert label.strip()
        assert box.get_attribute("role") == "region"
        box.focus()
        assert box.evaluate("e => e === document.activeElement")
        if scrolling > 40:
            wide += 1
            page.keyboard.press("ArrowRight")
            page.wait_for_function(
                "document.activeElement.scrollLeft > 0", polling=20, timeout=30_000
            )
    assert wide > 1


def test_the_names_of_rows_stay_in_sight_while_a_table_scrolls(visit):
    page = visit(width=390)
    box = page.locator("#table-table3")
    box.evaluate("e => { e.scrollLeft = 300; }")
    name = box.locator("tbody tr:last-child th")
    assert name.bounding_box()["x"] == pytest.approx(box.bounding_box()["x"], abs=1)
    assert box.locator("tbody tr:last-child td").first.bounding_box()["x"] < 0


@pytest.mark.parametrize("width", [390, 1440])
def test_figures_are_enlarged_by_mouse_and_by_keyboard(visit, width):
    page = visit(width=width)
    figures = page.locator("figure").all()
    assert len(figures) == page.locator("svg").count() > 5
    for figure in figures:
        drawing, box = figure.locator("svg"), figure.locator(".scroll")
        switch = figure.get_by_role("checkbox", name="Enlarge Figure")
        before = drawing.bounding_box()
        figure.get_by_text("Enlarge").click()
        after = drawing.bounding_box()
        assert after["width"] > 1.5 * before["width"]
        assert after["height"] / after["width"] == pytest.approx(
            before["height"] / before["width"], rel=0.01
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        box.focus()
        page.keyboard.press("ArrowRight")
        if box.evaluate("e => e.scrollWidth > e.clientWidth"):
            page.wait_for_function(
                "document.activeElement.scrollLeft > 0", polling=20, timeout=30_000
            )
        switch.focus()
        page.keyboard.press("Space")
        assert drawing.bounding_box()["width"] == before["width"]
        page.keyboard.press("Space")
        assert drawing.bounding_box()["width"] == after["width"]


# ----- print -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_print_shows_all_and_cuts_no_row(visit, name):
    page = visit(name, A4_TEXT_WIDTH)
    page.locator("figure input").evaluate_all("all => all.forEach(e => e.click())")
    page.emulate_media(media="print")
    assert page.evaluate(OVERFLOWING) == []
    widest = page.eval_on_selector_all(
        "table, svg", "all => Math.max(...all.map(e => e.getBoundingClientRect().right))"
    )
    assert 400 < widest <= A4_TEXT_WIDTH + 1

    def styles(selector, key):
        return set(
            page.eval_on_selector_all(
                selector, f"all => all.map(e => getComputedStyle(e)['{key}'])"
            )
        )

    assert styles("tr", "breakInside") == {"avoid"}
    assert styles("thead", "display") == {"table-header-group"}
    assert styles(".scroll", "overflowX") == {"visible"}
    assert page.eval_on_selector_all(
        "table", "all => all.every(e => e.getBoundingClientRect().height > 20)"
    )
    if name == "report.html":
        assert styles("figure, .scroll:not(.long)", "breakInside") == {"avoid"}
        assert styles("nav, .skip, figure input, figure label, summary", "display") == {"none"}


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler) is not here")
def test_a_pdf_has_every_table_whole(visit, tmp_path):
    page = visit()
    tables = page.evaluate(ADD_TOKENS)
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    command = ["pdftotext", "-layout", tmp_path / "report.pdf", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sheets = text.removesuffix("\f").split("\f")
    assert all(f"{n} / {len(sheets)}" in sheet for n, sheet in enumerate(sheets, start=1))
    found = {}
    for number, sheet in enumerate(sheets):
        for token in re.findall("§(.+?)§", sheet):
            found.setdefault(token, []).append(number)
    for t, table in enumerate(tables):
        firsts = [found[f"{t}r{r}a"] for r in range(table["rows"])]
        lasts = [found[f"{t}r{r}z"] for r in range(table["rows"])]
        assert firsts == lasts
        assert all(len(pages) == 1 for pages in firsts)
        pages = {pages[0] for pages in firsts}
        assert set(found[f"{t}h"]) == pages, "the header stands on every page of the table"
        assert len(pages) == 1 or table["long"]


# ----- accessibility -----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation(visit, name, width):
    page = visit(name, width)
    open_details(page)
    found = Axe().run(page).response
    serious = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]]
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    }
    assert serious == {}
    judged = {rule["id"] for rule in found["passes"]}
    assert {"color-contrast", "region", "heading-order", "scope-attr-valid"} <= judged
    assert width == 1440 or "scrollable-region-focusable" in judged


@pytest.mark.parametrize("name", PAGES)
def test_headings_and_tables_have_a_structure(visit, name):
    page = visit(name)
    open_details(page)
    levels = page.eval_on_selector_all("h1, h2, h3, h4", "all => all.map(e => +e.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in page.locator("table").all():
        assert table.locator("caption").inner_text().strip()
        scopes = table.locator("th").evaluate_all("all => all.map(e => e.scope)")
        assert scopes and set(scopes) <= {"col", "colgroup", "row"}
        rows = table.locator("tbody tr").evaluate_all("all => all.map(e => e.cells[0].scope)")
        assert set(rows) == {"row"}
        widths = table.locator("tbody tr").evaluate_all(
            "all => all.map(e => [...e.cells].reduce((n, c) => n + c.colSpan, 0))"
        )
        assert len(set(widths)) == 1


def test_every_figure_has_a_text_and_a_caption(visit):
    page = visit()
    open_details(page)
    drawings = page.get_by_role("img").all()
    assert len(drawings) == page.locator("figure").count()
    texts = [drawing.get_attribute("aria-label") for drawing in drawings]
    assert len(set(texts)) == len(texts) and min(map(len, texts)) > 40
    assert page.locator("figure > figcaption").count() == len(drawings)


def test_tables_and_figures_are_numbered_in_their_order(visit):
    page = visit()
    open_details(page)
    captions = page.locator("caption, figcaption").all_inner_texts()
    named = [re.match(r"(Table|Figure) (S?)(\d+)\. ", caption) for caption in captions]
    for kind in ("Table", "Figure"):
        for supplement in ("", "S"):
            numbers = [int(m[3]) for m in named if m and (m[1], m[2]) == (kind, supplement)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert len(numbers) > 3
    text = page.locator("main").inner_text()
    mentioned = set(re.findall(r"(?:Table|Figure) S?\d+", text))
    assert mentioned == {m[0].removesuffix(". ") for m in named if m}


def test_synthetic_data_are_announced_first(visit):
    page = visit()
    banner = page.get_by_role("complementary", name="Synthetic data")
    assert "simulated" in banner.inner_text()
    assert banner.bounding_box()["y"] < page.locator("h1").bounding_box()["y"]
