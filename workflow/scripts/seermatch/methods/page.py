"""The page of the methods: the section in words, and the reporting checklists, as Markdown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from seermatch.wording.numbers import capitalize

AUTHORS = "to be written by the authors"
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$#])")
_LIST = re.compile(r"^([+-]|\d+(?=[.)]))([.)]?)")  # at the start of a paragraph


@dataclass(frozen=True)
class ChecklistItem:
    """An item of a reporting guideline, and where the results answer it.

    Attributes
    ----------
    guideline : str
        ``"STROBE"`` or ``"RECORD"``.
    item : str
        Its number, such as ``"12a"`` or ``"6.1"``.
    topic, asks : str
        What it is about, and what it asks for, in our words.
    where : str
        Files in backquotes, their sections in brackets; or `AUTHORS`.
    """

    guideline: str
    item: str
    topic: str
    asks: str
    where: str


@cache
def reporting_checklist(cancer: str) -> tuple[ChecklistItem, ...]:
    """List the items of STROBE for cohort studies and of its extension RECORD.

    Parameters
    ----------
    cancer : str
        The cancer in words, such as ``"lung cancer"``.

    Returns
    -------
    tuple of ChecklistItem

    References
    ----------
    E. von Elm et al. The Strengthening the Reporting of Observational Studies in Epidemiology
    (STROBE) statement. PLoS Medicine 4 (2007) e296. E. I. Benchimol et al. The REporting of studies
    Conducted using Observational Routinely-collected health Data (RECORD) statement. PLoS Medicine
    12 (2015) e1001885.

    Examples
    --------
    >>> reporting_checklist("lung cancer")[2].where
    'to be written by the authors'
    """
    text = files("seermatch.methods").joinpath("checklist.tsv").read_text(encoding="utf-8")
    text = text.replace("{Cancer}", capitalize(cancer))
    return tuple(ChecklistItem(*line.split("\t")) for line in text.splitlines()[1:])


def plain_markdown(text: str) -> str:
    r"""Keep Markdown from taking characters of a text for markup.

    Examples
    --------
    >>> print(plain_markdown("SEER*Stat, p < 0.05"))
    SEER\*Stat, p \< 0.05
    >>> print(plain_markdown("- A & B cost $5"))
    \- A \& B cost \$5
    """
    text = _SPECIAL.sub(r"\\\1", text)
    return _LIST.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"\\{m[1]}", text)


def methods_page(
    title: str,
    question: str,
    sections: Mapping[str, Sequence[str]],
    cancer: str,
    banner: str = "",
) -> str:
    r"""Write methods and checklists as one page of Markdown.

    Parameters
    ----------
    title, question : str
        As in the configuration.
    sections : mapping
        From `seermatch.methods.data.methods_sections`.
    cancer : str
        The cancer in words, such as ``"lung cancer"``.
    banner : str, optional
        A warning at the top.

    Returns
    -------
    str
        The same sections give the same page.

    Examples
    --------
    >>> page = methods_page("A study", "Why?", {"Data": ["SEER*Stat."]}, "lung cancer")
    >>> page.splitlines()[:7:2]
    ['# Methods: A study', 'Why?', '## Data', 'SEER\\*Stat.']
    """
    parts = [f"# Methods: {plain_markdown(title)}"]
    if banner:
        parts.append(f"> **{plain_markdown(banner)}**")
    parts.append(plain_markdown(question.strip()))
    for heading, paragraphs in sections.items():
        parts += [f"## {heading}", *map(plain_markdown, paragraphs)]
    parts += [
        "# Reporting checklists",
        "STROBE for cohort studies (von Elm et al., 2007) and its extension RECORD for routinely "
        "collected data (Benchimol et al., 2015), in short. Files are those beside this one; the "
        "names in brackets are their sections or tables.",
    ]
    for guideline in ("STROBE", "RECORD"):
        rows = [
            f"| {item.item} | {item.topic} | {item.asks} | {item.where} |"
            for item in reporting_checklist(cancer)
            if item.guideline == guideline
        ]
        header = ["| item | topic | what it asks | where it stands |", "| --- | --- | --- | --- |"]
        parts += [f"## {guideline}", "\n".join([*header, *rows])]
    return "\n\n".join(parts) + "\n"
