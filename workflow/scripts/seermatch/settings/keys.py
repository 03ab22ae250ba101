"""How a key of the configuration is declared: type, default, meaning and bounds in one place."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field
from typing import Any, ClassVar

OPTIONAL = object()  # in place of a default: the key may be left out, and nothing stands for it
REQUIRED = MISSING
SEED = {"ge": 0, "le": 2**32 - 1}


class Within:
    """Bounds of the items of a list, within `Annotated`, under pydantic's names."""

    __is_annotated_types_grouped_metadata__ = True

    def __init__(self, **bounds: float):
        self.bounds = bounds

    def __iter__(self) -> Iterator:
        from pydantic import Field

        yield Field(**self.bounds)


class Section:
    """A part of the configuration, in which unknown keys are wrong."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


section = dataclass(frozen=True, kw_only=True)


def key(default: Any, description: str, *, unique: bool = False, **bounds: Any) -> Any:
    """Declare a key of a section.

    Parameters
    ----------
    default : object
        As YAML reads it; `REQUIRED` or `OPTIONAL` where there is none.
    description : str
        What the key means, in a sentence.
    unique : bool
        Whether the items of a list must differ.
    **bounds
        Bounds of the value under pydantic's names: `ge`, `gt`, `le`, `lt`, `min_length`, `pattern`.

    Examples
    --------
    >>> @section
    ... class Matching(Section):
    ...     caliper: float = key(0.2, "Largest distance within a pair.", gt=0)
    >>> Matching().caliper, Matching(caliper=0.1).caliper
    (0.2, 0.1)
    """
    metadata = {"description": description, **bounds}
    metadata |= {"json_schema_extra": {"uniqueItems": True}} if unique else {}
    if default is OPTIONAL:
        return field(default=None, metadata=metadata | {"optional": True})
    if isinstance(default, (list, dict)):
        copied = json.dumps(default)
        return field(default_factory=lambda: json.loads(copied), metadata=metadata)
    return field(default=default, metadata=metadata)


def part(kind: type, default: Any = None) -> Any:
    """Declare a section within another; with `REQUIRED` or `OPTIONAL` it has no default."""
    metadata = {"description": " ".join(kind.__doc__.split())}
    if default is OPTIONAL:
        return field(default=None, metadata=metadata | {"optional": True})
    return field(default_factory=default or kind, metadata=metadata)
