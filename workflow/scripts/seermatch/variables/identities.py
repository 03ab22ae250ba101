"""Variables that are a function of others: a stage of T and N, a group of several findings.

Such an identity is declared once, and used where it matters: by imputation, which must not break
it, and by disclosure control, because who knows the parts knows the whole.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seermatch.errors import StudyError


@dataclass(frozen=True)
class Identity:
    """A variable that follows from others.

    Attributes
    ----------
    variable : str
        The variable.
    of : tuple of str
        The variables that it follows from.
    levels : mapping of tuple of str to str
        One level of each of these to the level of the variable; combinations that are not named do
        not occur.

    Raises
    ------
    StudyError
        If a combination has not one level of each variable.
    """

    variable: str
    of: tuple[str, ...]
    levels: Mapping[tuple[str, ...], str]

    def __post_init__(self):
        wrong = next((key for key in self.levels if len(key) != len(self.of)), None)
        if wrong is not None or not self.levels:
            raise StudyError(
                f"identity of {self.variable}: {wrong} is not one level of each of "
                f"{', '.join(self.of)}; give the levels in this order."
            )

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable and those that it follows from."""
        return (*self.of, self.variable)


def read_identities(facts: Mapping[str, Mapping[str, Any]]) -> tuple[Identity, ...]:
    """Make the identities of a study from plain facts.

    Parameters
    ----------
    facts : mapping of str to mapping
        Variable to ``of``, the names of those that it follows from, and ``levels``: each level to
        its combinations of their levels.

    Returns
    -------
    tuple of Identity

    Examples
    --------
    >>> facts = {"spread": {"of": ["bone", "brain"], "levels": {
    ...     "none": [["No", "No"]], "any": [["No", "Yes"], ["Yes", "No"], ["Yes", "Yes"]]}}}
    >>> read_identities(facts)[0].levels["Yes", "No"]
    'any'
    """
    return tuple(
        Identity(
            variable,
            tuple(known["of"]),
            {
                tuple(combination): level
                for level, combinations in known["levels"].items()
                for combination in combinations
            },
        )
        for variable, known in facts.items()
    )


def identities_within(
    identities: Iterable[Identity], variables: Collection[str], columns: Collection[str]
) -> list[Identity]:
    """Choose the identities of some variables all parts of which are known.

    Parameters
    ----------
    identities : iterable of Identity
    variables : collection of str
        Those that are of interest.
    columns : collection of str
        Those that are known.

    Returns
    -------
    list of Identity
    """
    return [
        identity
        for identity in identities
        if identity.variable in variables and set(identity.variables) <= set(columns)
    ]


def levels_of_parts(identity: Identity) -> list[Sequence[str]]:
    """List the levels of each variable that another follows from, in alphabetical order."""
    return [sorted({key[at] for key in identity.levels}) for at in range(len(identity.of))]
