"""Exports with internal codes instead of labels (SEER*Stat's "Display unformatted").

SEER*Stat's internal codes are not the codes of the registries: the year 2018 is ``218``, histology
8500 is ``500``. They are decoded through the ``[Format=...]`` sections of the dictionary, or
refused; never guessed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from seermatch.errors import StudyError
from seermatch.seer.dictionary import DictionaryVariable, SeerDictionary
from seermatch.seer.fields import normalized_name

# Their labels are words, so a column of numbers holds codes.
WORDS = (
    *("sex", "behavior", "er", "pr", "her2", "er_2018", "pr_2018", "her2_2018", "subtype"),
    *("vital_status", "survival_flag", "cause_specific", "other_cause", "cod_site"),
)
# Plain numbers in either form.
NUMBERS = ("patient_id", "record_number")
EXPORT_LABELS = (
    "In the SEER*Stat matrix, right-click the column header, uncheck 'Display unformatted' and "
    "export again"
)


@dataclass(frozen=True)
class ColumnDecoder:
    """Internal code -> label of one column.

    Attributes
    ----------
    labels : mapping of str to str
        Label of each code; codes without leading zeros.
    column : str
        Name of the column, for messages.
    name : str
        Name of the file, for messages.
    """

    labels: Mapping[str, str]
    column: str
    name: str

    def decode(self, codes: pl.Series, first_row: int) -> pl.Series:
        """Replace codes by labels.

        Parameters
        ----------
        codes : polars.Series of str
            Codes, with or without leading zeros; null stays null.
        first_row : int
            Row of the first one in the file, for messages.

        Returns
        -------
        polars.Series of str

        Raises
        ------
        StudyError
            If a code has no label.

        Examples
        --------
        >>> decoder = ColumnDecoder({"218": "2018"}, "Year of diagnosis", "a.csv")
        >>> decoder.decode(pl.Series("year", ["218", None]), 2).to_list()
        ['2018', None]
        """
        bare = _without_zeros(codes)
        decoded = bare.replace_strict(self.labels, default=None, return_dtype=pl.String)
        unknown = (decoded.is_null() & bare.is_not_null()).arg_true()
        if len(unknown):
            raise StudyError(
                f"{self.name}, row {first_row + unknown[0]}: the dictionary has no label for code "
                f"{codes[unknown[0]]!r} of {self.column!r}. {EXPORT_LABELS}."
            )
        return decoded.alias(codes.name)


def _without_zeros(codes: pl.Series) -> pl.Series:
    return codes.str.replace(r"^0+(\d)", "$1")


def find_coded_columns(frame: pl.DataFrame) -> list[str]:
    """Find columns whose values can only be internal codes.

    Parameters
    ----------
    frame : polars.DataFrame
        Records with canonical column names, strings.

    Returns
    -------
    list of str
        The year of diagnosis if it is a code (``218``), histology below 8000, and columns of
        numbers where SEER's labels are words.

    Examples
    --------
    >>> find_coded_columns(pl.DataFrame({"year": ["218"], "sex": ["2"], "grade": ["2"]}))
    ['year', 'sex']
    """
    limits = {"year": 1000, "histology": 8000} | dict.fromkeys(WORDS, float("inf"))
    found = []
    for column in (c for c in frame.columns if c in limits):
        numbers = frame[column].drop_nulls().cast(pl.Float64, strict=False)
        if len(numbers) and not numbers.has_nulls() and numbers.max() < limits[column]:
            found.append(column)
    return found


def plan_decoding(
    variables: Mapping[str, DictionaryVariable],
    coded: Collection[str],
    dictionary: SeerDictionary,
    name: str,
) -> dict[str, ColumnDecoder]:
    """Decide which columns hold internal codes and how to decode them.

    Parameters
    ----------
    variables : mapping of str to DictionaryVariable
        Canonical name -> variable of the file.
    coded : collection of str
        Columns that were found to hold codes (`find_coded_columns`).
    dictionary : SeerDictionary
        The dictionary of the export; an empty one if there is none.
    name : str
        Name of the file, for messages.

    Returns
    -------
    dict of str to ColumnDecoder
        One per column with codes; empty for an ordinary export.

    Raises
    ------
    StudyError
        If the dictionary does not tell the labels of such a column.

    Examples
    --------
    >>> variables = {"year": DictionaryVariable("Year of diagnosis")}
    >>> plan_decoding(variables, ["year"], SeerDictionary(), "a.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    seermatch.errors.StudyError: a.csv: column 'Year of diagnosis' holds internal codes, ...
    """
    formats = {normalized_name(key): labels for key, labels in dictionary.formats.items()}
    everything = bool(coded) or dictionary.variable_format == "numeric"
    decoders = {}
    # those that certainly hold codes first, for the message
    for field in sorted(variables, key=lambda field: field not in coded):
        variable = variables[field]
        display = variable.display_type.lower()
        # one column of codes makes the others doubtful, unless the dictionary clears them
        holds_codes = field in coded or display == "unformatted" or (everything and not display)
        if not holds_codes or field in NUMBERS:
            continue
        labels = formats.get(normalized_name(variable.name))
        labels = labels or formats.get(normalized_name(variable.base))
        if not labels:
            raise StudyError(
                f"{name}: column {variable.name!r} holds internal codes, not labels, and no "
                f"dictionary with its format ([Format={variable.name}]) is there. {EXPORT_LABELS}."
            )
        decoders[field] = ColumnDecoder(
            {code.lstrip("0") or "0": label for code, label in labels.items()}, variable.name, name
        )
    return decoders
