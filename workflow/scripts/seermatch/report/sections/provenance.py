"""What was run, on which exports, with which versions."""

from collections.abc import Mapping

import pandas as pd

from seermatch.report.section import Section, Table
from seermatch.wording.numbers import format_count
from seermatch.wording.printed_tables import PrintedTable, print_frame
from seermatch.wording.results import Results


def section(results: Results) -> Section:
    """Show exports, versions and configuration."""
    config = flatten_config(results.config)
    parts = (
        Table("inputs", inputs_table(results.exports), style="wrap wide"),
        Table("versions", mapping_table(results.versions, "Versions.", ("Package", "Version"))),
        Table(
            "config",
            mapping_table(config, "Configuration.", ("Key", "Value")),
            style="wrap long",
            folded="The configuration, every key",
        ),
    )
    return Section("provenance", "What was run", parts)


def inputs_table(inputs: pd.DataFrame) -> PrintedTable:
    """Lay out the exports that went in, with whatever columns describe them.

    Parameters
    ----------
    inputs : pandas.DataFrame
        One row per export; the first column names it.

    Returns
    -------
    PrintedTable
        One row per export.

    Examples
    --------
    >>> inputs_table(pd.DataFrame({"export": ["2018"], "sha256": ["ab12"]})).header[0][1].text
    'SHA-256'
    """
    names = {"sha256": "SHA-256"}
    columns = {c: names.get(c, str(c).replace("_", " ").capitalize()) for c in inputs.columns}
    formats = {"rows": format_count}
    return print_frame(inputs, "Exports that went in.", columns, formats)


def mapping_table(values: Mapping, caption: str, header: tuple[str, str]) -> PrintedTable:
    """Lay out a mapping as a table of two columns.

    Parameters
    ----------
    values : mapping
        Key to value.
    caption : str
        Caption.
    header : tuple of str
        Names of the columns.

    Returns
    -------
    PrintedTable
        One row per key.

    Examples
    --------
    >>> mapping_table({"numpy": "2.4"}, "Versions.", ("Package", "Version")).rows[0].cells
    ('2.4',)
    """
    frame = pd.DataFrame(list(values.items()), columns=["key", "value"], dtype=object)
    return print_frame(frame, caption, dict(zip(frame.columns, header, strict=True)))


def flatten_config(config: Mapping, prefix: str = "") -> dict[str, str]:
    """Write a nested configuration as dotted keys and readable values.

    Parameters
    ----------
    config : mapping
        Nested mappings, lists and scalars.
    prefix : str, optional
        Put before each key.

    Returns
    -------
    dict
        In the order of the configuration; each entry of a list of mappings has its number.

    Examples
    --------
    >>> flatten_config({"matching": {"ratio": 2, "exact": []}, "criteria": [{"age": [18, 89]}]})
    {'matching.ratio': '2', 'matching.exact': 'none', 'criteria.1': 'age: 18, 89'}
    """
    flat: dict[str, str] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten_config(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            flat |= {f"{name}.{n}": _text(item) for n, item in enumerate(value, start=1)}
        else:
            flat[name] = _text(value)
    return flat


def _text(value) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
