"""The report: one self-contained HTML page made from the results.

No network, no scripts: figures are inlined as SVG, tables come from
`seermatch.wording.printed_tables`, the page from the template beside this module, the sentences of
the later sections from `report_sections`, `report_limits` and `report_checks`. A new section is a
block of the template and a line of `SECTIONS`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from seermatch.analysis.group_tests import print_test
from seermatch.analysis.names import IMPUTED
from seermatch.disclosure.rule import DisclosureRule
from seermatch.methods.data import methods_sections
from seermatch.report.checks import quality_warnings, summarize_audit
from seermatch.report.claims import print_claims
from seermatch.report.diagnostics import describe_diagnostics
from seermatch.report.excluded import explain_included
from seermatch.report.inline_svg import figure_notes, inline_svg, sentence_of
from seermatch.report.limits import explain_limits
from seermatch.report.main_results import (
    clustered_ratio,
    explain_sensitivity,
    explain_stability,
    intervals_in_words,
    is_masked,
)
from seermatch.report.tables import report_tables
from seermatch.variables.printed import printed
from seermatch.wording.numbers import (
    NO_FONT,
    format_count,
    format_range,
    print_estimate,
    state_p,
)
from seermatch.wording.warnings import (
    group_sizes,
    warn_about_balance,
    warn_about_criteria,
    warn_about_matching,
    warn_about_models,
    warn_about_score,
)

SECTIONS = {
    "summary": "Summary",
    "main-results": "Main results",
    "claims": "Claims put to the data",
    "warnings": "Before you use these results",
    "selection": "Patient selection",
    "characteristics": "Patient characteristics",
    "balance": "Balance",
    "survival": "Overall survival",
    "competing-risks": "Deaths by cause (competing risks)",
    "sensitivity": "Sensitivity and stability",
    "limits": "What the data can and cannot show",
    "quality": "Data quality",
    "paper": "The printed paper",
    "data": "About the data",
    "methods": "Methods",
    "provenance": "What was run",
}


@dataclass(frozen=True)
class ReportContent:
    """Everything that the report shows; frames are the public result files.

    Attributes
    ----------
    title, question : str
        As in the configuration.
    labels : tuple of str
        Label of the reference and of the exposed group.
    synthetic : bool
        Whether the patients were simulated; a banner says so.
    attrition, balance, followup, logrank, gray : pandas.DataFrame
        The result files of these names.
    table1, table2, table3, table4 : pandas.DataFrame
        Table files, all text.
    survival, cox, incidence, fine_gray, cox_contrasts, fine_gray_contrasts : pandas.DataFrame
        Tidy estimates; finite contrasts may have no rows.
    sensitivity, stability, interpretation, included, quality : pandas.DataFrame
        Rows of ``sensitivity.tsv``, ``matching_stability.tsv``, ``interpretation.tsv``,
        ``excluded_patients.tsv`` and ``data_quality.tsv``.
    separated_cells : pandas.DataFrame
        Cells of one group only, as `seermatch.wording.warnings.warn_about_score` takes them.
    proportional_hazards : pandas.DataFrame
        Rows of ``survival/proportional_hazards.tsv``.
    figures : mapping
        ``flow_chart``, ``love_plot``, ``survival``, ``incidence``, ``stability``,
        ``specification``, ``score_overlap``, ``forest_cox``, ``log_log_survival``,
        ``schoenfeld_residuals``, ``forest_fine_gray``: SVG as text or bytes.
    marks : sequence of float
        Months at which survival and incidence are tabulated.
    config : mapping
        The configuration as used.
    inputs : pandas.DataFrame
        One row per export: its name, checksum, database and so on; shown as it is.
    versions : mapping
        Package to version.
    weighted : bool
        Whether sets are incomplete, so that patients are weighted.
    paper_comparison, paper_audit : pandas.DataFrame, optional
        Rows of the files of these names; without them there is no section about the paper.
    claims : pandas.DataFrame, optional
        Rows of ``claims.tsv``, all text; without them there is no section about them.
    notes : sequence of str
        Further warnings, such as aliasing in words.
    reference_levels : mapping
        Reference level per factor.
    disclosure : DisclosureRule
        What is masked.
    """

    title: str
    question: str
    labels: tuple[str, str]
    synthetic: bool
    attrition: pd.DataFrame
    balance: pd.DataFrame
    followup: pd.DataFrame
    logrank: pd.DataFrame
    gray: pd.DataFrame
    table1: pd.DataFrame
    table2: pd.DataFrame
    table3: pd.DataFrame
    table4: pd.DataFrame
    survival: pd.DataFrame
    cox: pd.DataFrame
    incidence: pd.DataFrame
    fine_gray: pd.DataFrame
    cox_contrasts: pd.DataFrame
    fine_gray_contrasts: pd.DataFrame
    sensitivity: pd.DataFrame
    stability: pd.DataFrame
    interpretation: pd.DataFrame
    included: pd.DataFrame
    quality: pd.DataFrame
    separated_cells: pd.DataFrame
    proportional_hazards: pd.DataFrame
    figures: Mapping[str, str | bytes]
    marks: Sequence[float]
    config: Mapping
    inputs: pd.DataFrame
    versions: Mapping[str, str]
    weighted: bool = False
    paper_comparison: pd.DataFrame | None = None
    paper_audit: pd.DataFrame | None = None
    claims: pd.DataFrame | None = None
    notes: Sequence[str] = ()
    reference_levels: Mapping[str, str] = field(default_factory=dict)
    disclosure: DisclosureRule = field(default_factory=lambda: DisclosureRule(0))


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report: inlined SVG, its caption and what a reader who cannot see it gets."""

    svg: Markup
    caption: str


def render_report(content: ReportContent) -> str:
    """Render the report.

    Parameters
    ----------
    content : ReportContent
        Results, figures and what was run.

    Returns
    -------
    str
        A complete HTML page. The same content gives the same page.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("seermatch.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        content=content,
        labels=tuple(printed(label) for label in content.labels),
        sections={key: title for key, title in SECTIONS.items() if key not in _left_out(content)},
        summary=summarize(content),
        claims=[] if content.claims is None else print_claims(content.claims),
        said=_explanations(content),
        warnings=find_warnings(content),
        figures=_figures(content),
        tables=report_tables(content),
        methods=methods_sections(content),
    )


def _left_out(content: ReportContent) -> set[str]:
    """Name the sections that this study has nothing for."""
    optional = {"paper": content.paper_audit, "claims": content.claims}
    return {section for section, table in optional.items() if table is None}


def _explanations(content: ReportContent) -> dict[str, list[str]]:
    """Sentences per section."""
    said = {
        "stability": explain_stability(content.stability),
        "sensitivity": explain_sensitivity(content.sensitivity),
        "limits": [
            *explain_limits(content.interpretation, content.labels, content.config),
            *explain_included(content.included, IMPUTED in set(content.sensitivity["analysis"])),
        ],
        "quality": quality_warnings(content.quality, content.labels),
    }
    if content.paper_audit is not None:
        said["paper"] = summarize_audit(content.paper_audit)
    return said


def summarize(content: ReportContent) -> list[str]:
    """Say the main results in sentences.

    Parameters
    ----------
    content : ReportContent
        Results.

    Returns
    -------
    list of str
        Matching, follow-up and deaths, overall survival and breast cancer mortality with
        intervals clustered by matched set, and what intervals that include 1 do not show.
    """
    reference, exposed = content.labels
    n = group_sizes(content.followup, content.labels)
    names = f"{printed(exposed)} vs {printed(reference)}"
    matched = (
        f"{format_count(n['matched', exposed])} of {format_count(n['cohort', exposed])} "
        f"{printed(exposed)} patients were matched to {format_count(n['matched', reference])} of "
        f"{format_count(n['cohort', reference])} {printed(reference)} patients."
    )
    cause = content.gray["cause"].iloc[0].capitalize()
    logrank, gray = (state_p(test["p_value"].iloc[0]) for test in (content.logrank, content.gray))
    sentences = [
        matched,
        *_follow_up_sentence(content.followup),
        f"Overall survival: hazard ratio of death, {names}, {_group_ratios(content.cox)}; "
        f"{print_test(content.logrank['test'].iloc[0])} {logrank}.",
        f"{cause}: subdistribution hazard ratio, {names}, {_group_ratios(content.fine_gray)}; "
        f"{print_test(content.gray['test'].iloc[0])} {gray}.",
        "All these 95% confidence intervals are "
        f"{intervals_in_words(content.cox, content.fine_gray)}.",
    ]
    intervals = [clustered_ratio(models)[1:] for models in (content.cox, content.fine_gray)]
    if all(low <= 1 <= high for low, high in intervals):
        sentences.append(
            "The intervals of both unadjusted ratios include 1. They bound the difference in "
            "prognosis that is compatible with the data; they do not show that there is none."
        )
    return sentences


def _group_ratios(models: pd.DataFrame) -> str:
    """Print the group's ratio in the matched patients and adjusted by the recommended model."""
    ratio, *interval = clustered_ratio(models)
    text = print_estimate(ratio, *interval, masked=is_masked(models))
    text = text.replace("(", "(95% CI ")
    adjusted = clustered_ratio(models, "recommended")
    if pd.notna(adjusted[0]):
        text += f"; adjusted by the recommended model, {print_estimate(*adjusted)}"
    return text


def _follow_up_sentence(followup: pd.DataFrame) -> Iterable[str]:
    for row in followup[followup["population"] == "matched"].itertuples():
        if row.group == "all" and pd.notna(row.median):
            deaths = row.deaths_breast_cancer + row.deaths_other
            yield (
                f"Median follow-up of the matched patients was {row.median:g} months (IQR "
                f"{format_range(row.q1, row.q3, None)}); {format_count(deaths)} died, "
                f"{format_count(row.deaths_breast_cancer)} of breast cancer and "
                f"{format_count(row.deaths_other)} of other causes."
            )


def find_warnings(content: ReportContent) -> list[str]:
    """Collect the warnings of criteria, matching, balance, models and fonts, and the run's notes.

    Parameters
    ----------
    content : ReportContent
        Results. `config` gives ``criteria.criteria``, ``matching`` and ``balance.threshold``.

    Returns
    -------
    list of str
        Sentences; empty if there is nothing to warn about.
    """
    return [
        *warn_about_criteria(content.attrition, content.config["cohort"]["criteria"]),
        *warn_about_score(content.separated_cells, content.labels),
        *_warn_about_matching(content),
        *warn_about_balance(content.balance, content.config["balance"]["threshold"]),
        *warn_about_models(
            {"Overall survival": content.cox, "Breast cancer death": content.fine_gray},
            content.labels,
            content.reference_levels,
        ),
        *_warn_about_fonts(content.figures),
        *content.notes,
    ]


def _warn_about_matching(content: ReportContent) -> list[str]:
    """Say who found no match; differences of rounded sizes say nothing of it."""
    if content.disclosure.rounds:
        return []
    matching = content.config["matching"]
    return warn_about_matching(
        content.followup, content.labels, matching["ratio"], matching["order"]
    )


def _warn_about_fonts(figures: Mapping[str, str | bytes]) -> list[str]:
    """Say once which characters the figures lack."""
    notes = dict.fromkeys(note for svg in figures.values() for note in figure_notes(svg))
    return [note for note in notes if note.startswith(NO_FONT)]


# ----- figures -----------------------------------------------------------------------------------


def _figures(content: ReportContent) -> dict[str, ReportFigure]:
    reference, exposed = (printed(label) for label in content.labels)
    first, last = content.attrition.iloc[0], content.attrition.iloc[-1]
    after = content.balance["smd_after"].abs().max()
    logrank, test = state_p(content.logrank["p_value"].iloc[0]), content.logrank["test"].iloc[0]
    logrank = f"{print_test(test)} {logrank}"
    gray = "; ".join(
        f"{row.cause}, {print_test(row.test)} {state_p(row.p_value)}"
        for row in content.gray.itertuples()
    )
    bands = f"Steps with 95% bands: {reference} solid, {exposed} dashed; numbers at risk below"
    described = {
        "flow_chart": (
            "Flow chart: records that each criterion left and excluded, and the matched groups.",
            f"Flow chart from {format_count(first['remaining'])} records to "
            f"{format_count(last['remaining'])} eligible patients. The next table holds "
            "its counts.",
        ),
        "love_plot": (
            "Absolute standardized mean differences before and after matching.",
            f"Love plot. The largest difference after matching is {after:.3f}. The next table "
            "holds its values.",
        ),
        "survival": (
            f"Overall survival of the matched patients (Kaplan–Meier). {bands}.",
            f"Kaplan–Meier curves of {reference} and {exposed}, {logrank}. A table below "
            "holds the estimates.",
        ),
        "incidence": (
            f"Cumulative incidence of death by cause in the matched patients. {bands}.",
            f"Cumulative incidence curves of {reference} and {exposed}: {gray}. A table below "
            "holds the estimates.",
        ),
        "stability": (
            "Hazard ratios of the group in the match repeated with other tie seeds; the colored "
            "line is the main match, the band holds the middle 95%.",
            "Two histograms, overall survival and breast cancer death, of the hazard ratios over "
            f"{len(content.stability) - 1} tie seeds. The text above gives the ranges and where "
            "the main match lies.",
        ),
        "specification": (
            "Hazard ratios of the group with 95% intervals in every analysis, sorted by that of "
            "overall survival; the main analysis is colored. Other deaths are a negative control.",
            f"Points with intervals for {content.sensitivity['analysis'].nunique()} analyses in "
            "three columns: overall survival, breast cancer death, other death. The next tables "
            "hold the values.",
        ),
        **describe_diagnostics(content),
    }
    figures = {}
    for number, (name, (caption, alternative)) in enumerate(described.items(), start=1):
        svg = content.figures[name]
        caption = " ".join([caption, *figure_notes(svg)])
        if sentence := sentence_of(svg):
            caption, alternative = f"{caption} Not drawn: {sentence}", sentence
        figures[name] = ReportFigure(inline_svg(svg, f"figure-{number}", alternative), caption)
    return figures
