"""`snakemake --report` of a study whose texts are HTML and markup, in a real browser."""

import shutil

import pytest
import yaml
from playwright.sync_api import sync_playwright

ATTACK = (
    "</script><script>alert('script')</script><img src=x onerror=alert('image')>"
    "`link <javascript:alert(1)>`_ *stars* |bars| trailing_ \\ <!--<script>"
)
INCLUDE = ".. include:: config/secret.txt"  # of several lines no text may be
PATH = "config/a</script><script>alert(2)</script>"
CONFIGURATION = {
    "study": {
        "title": INCLUDE,
        "question": ATTACK,
        "claims": [
            {
                "claim": ATTACK,
                "source": ATTACK,
                "outcome": "cancer death",
                "expects": "worse",
                "months": [36],
            }
        ],
    },
    "cohort": {
        "exposure": {
            "reference": {"label": f"M0 {ATTACK}"},
            "exposed": {"label": f"M0(i+) {ATTACK}"},
        }
    },
    "paper": {"folder": PATH},
}


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
def report(study_copy, browser):
    """The page that Snakemake makes of the finished study under an awkward configuration."""
    (study_copy.path / "results/claims.tsv").touch()  # the claims are asked for, if not answered
    (study_copy.path / "config/secret.txt").write_text("never to be read")
    folder = study_copy.path / PATH
    shutil.copytree(study_copy.path / "resources/paper", folder)
    table = folder / "table1.tsv"
    table.write_text(table.read_text("utf-8").replace("age\t", f"age {ATTACK}\t"), "utf-8")
    assert ATTACK in table.read_text("utf-8")
    awkward = study_copy.path / "awkward.yaml"
    awkward.write_text(yaml.safe_dump(CONFIGURATION), encoding="utf-8")
    study_copy.snakemake("--configfile", "awkward.yaml", "--report", "page.html")
    page = browser.new_page()
    page.asked = []
    page.on("dialog", lambda dialog: (page.asked.append(dialog.message), dialog.dismiss()))
    page.goto((study_copy.path / "page.html").as_uri())
    page.wait_for_function("typeof results !== 'undefined'")
    yield page
    page.close()


def test_nothing_of_the_configuration_runs(report):
    html = report.content()
    assert "onerror=alert" in html  # it is there, as text
    assert "never to be read" not in html
    # Every caption, shown as the page shows it.
    captions = report.evaluate(
        """() => Object.values(results).map(result => {
          const shown = document.createElement("div");
          shown.innerHTML = result.caption;
          document.body.append(shown);
          const active = shown.querySelectorAll("img, script, [href^=javascript]");
          return [shown.textContent, active.length];
        })"""
    )
    assert len(captions) > 20
    assert [count for _, count in captions if count] == []
    assert any(f"groups M0 {ATTACK} and M0(i+) {ATTACK} in" in text for text, _ in captions)
    description = report.evaluate(
        """() => {
          const shown = document.createElement("div");
          shown.innerHTML = workflow_desc;
          document.body.append(shown);
          return shown.textContent;
        }"""
    )
    assert INCLUDE in description
    assert description.count(ATTACK) == 3
    report.evaluate(
        """() => new Promise(done => {
          const image = document.createElement("img");
          image.onerror = done;  // as those before it have been, by then
          image.src = "missing.png";
          document.body.append(image);
        })"""
    )
    assert report.asked == []


def test_params_are_shown_as_they_are_printed(report):
    params = report.evaluate("Object.values(results).map(result => result.job_properties.params)")
    assert sum("\\x3c/script>" in text for text in params) > 10
    assert not [text for text in params if "<" in text]
