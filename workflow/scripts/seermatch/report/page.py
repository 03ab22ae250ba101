"""The report: one self-contained HTML page made from the public results.

No network, no scripts: figures are inlined as SVG, and the template beside this module shows one
section after another. A new section is a module of `seermatch.report.sections` and a line of
`SECTIONS`.
"""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from seermatch.report.sections import (
    balance,
    characteristics,
    claims,
    competing_risks,
    data,
    limits,
    main_results,
    methods,
    paper,
    provenance,
    quality,
    selection,
    sensitivity,
    summary,
    survival,
    warnings,
)
from seermatch.wording.results import Results

SECTIONS = (
    summary,
    main_results,  # the contents follow
    claims,
    warnings,
    selection,
    characteristics,
    balance,
    survival,
    competing_risks,
    sensitivity,
    limits,
    quality,
    paper,
    data,
    methods,
    provenance,
)


def render_report(results: Results) -> str:
    """Render the report.

    Parameters
    ----------
    results : Results
        Public results, figures, and what was run.

    Returns
    -------
    str
        A complete HTML page. The same results give the same page.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("seermatch.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    sections = [module.section(results) for module in SECTIONS]
    return environment.from_string(source).render(
        study=results.config["study"],
        synthetic=results.synthetic,
        follows_paper="paper_comparison" in results,
        sections=[section for section in sections if section is not None],
        contents_after=main_results.KEY,
    )
