"""Check values against what is declared, add defaults, and say in words what a key takes."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from seermatch.settings.cohort import Rule

NOUNS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
SHOWN = 80  # characters of a wrong value


def problems(kind: type, data: Any, name: str) -> list[str]:
    """Say what is wrong with values.

    Parameters
    ----------
    kind : type
        The section that they are of, such as `seermatch.settings.study.Study`.
    data : object
        As YAML reads it.
    name : str
        Where they stand, for the messages.

    Returns
    -------
    list of str
        Sentences that name the key and what it takes; empty if nothing is wrong.

    Examples
    --------
    >>> from seermatch.settings.study import Balance
    >>> problems(Balance, {"treshold": 0.1}, "balance")
    ["balance: unknown key 'treshold'; did you mean 'threshold'?"]
    >>> problems(Balance, {"threshold": 2}, "balance")[0][:55]
    'balance.threshold: 2 is not a number above 0, at most 1'
    """
    from pydantic import ValidationError

    if found := list(_walk(kind, data, name)):
        return found
    try:
        # as JSON, where a whole number is no text and no truth value; half a character is no JSON
        text = json.dumps(data, default=str, ensure_ascii=False).encode(errors="replace")
        _adapter(kind).validate_json(text, strict=True)
    except ValidationError as wrong:
        told = [_explain(kind, error, name) for error in wrong.errors(include_url=False)]
        # of a value that fits none of several types, the first says all
        return list(dict(reversed(told)).values())[::-1]
    return []


def fill(kind: type, data: dict) -> None:
    """Add the defaults of the keys that are not given, in the sections within, too.

    Examples
    --------
    >>> from seermatch.settings.study import Figures
    >>> data = {"follow_up_marks": [0, 12]}
    >>> fill(Figures, data)
    >>> data
    {'follow_up_marks': [0, 12], 'widths': {'column': 85, 'page': 180}}
    """
    for name, declared in _declared(kind).items():
        if name not in data and not declared.metadata.get("optional"):
            if declared.default_factory is declared.type:
                data[name] = {}
            elif declared.default_factory is not MISSING:
                data[name] = declared.default_factory()
            elif declared.default is not MISSING:
                data[name] = declared.default
        if is_dataclass(declared.type) and name in data:
            fill(declared.type, data[name])


def allowed(kind: Any, bounds: dict) -> str:
    """Say in words which values a key takes.

    Parameters
    ----------
    kind : type
        Its declared type.
    bounds : dict
        Its bounds under pydantic's names.

    Examples
    --------
    >>> allowed(int, {"ge": 1, "le": 10}), allowed(float | None, {"gt": 0})
    ('a whole number from 1 to 10', 'a number above 0 or null')
    >>> allowed(list[Literal["year", "registry"]], {})
    'a list, each item `year` or `registry`'
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return allowed(parts[0], parts[1].bounds)
    if origin in (Union, UnionType):
        return " or ".join(allowed(part, bounds) for part in parts)
    if origin is Literal:
        *others, last = [f"`{value}`" for value in parts]
        return f"{', '.join(others)} or {last}" if others else last
    if origin is list:
        return f"a list, each item {allowed(parts[0], {})}"
    if kind is NoneType:
        return "null"
    return f"{NOUNS.get(kind, 'keys with values')}{_limits(bounds)}"


def _limits(bounds: dict) -> str:
    if "ge" in bounds and "le" in bounds:
        return f" from {bounds['ge']} to {bounds['le']}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    told = [f"{word} {bounds[name]}" for name, word in words.items() if name in bounds]
    return f" {', '.join(told)}" if told else ""


def json_schema(kind: type) -> dict:
    """Give the JSON schema of a section, for editors."""

    def tidy(node):
        if isinstance(node, list):
            return [tidy(item) for item in node]
        if not isinstance(node, dict):
            return node
        # what may be left out is no null
        left_out = {"title"} if isinstance(node.get("title"), str) else set()
        if node.get("default", 0) is None and {"type": "null"} not in node.get("anyOf", ()):
            left_out.add("default")
        return {name: tidy(value) for name, value in node.items() if name not in left_out}

    return tidy(_adapter(kind).json_schema())


@cache
def _adapter(kind: type):
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _declared(kind: type) -> dict[str, Field]:
    return {declared.name: declared for declared in fields(kind)}


def _plain(kind: Any) -> Any:
    """Give the type of a value without its bounds, and without null."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _plain(next(part for part in get_args(kind) if part is not NoneType))
    return kind


def _walk(kind: Any, data: Any, place: str) -> Iterator[str]:
    """Yield what pydantic would not say, or not so well: unknown keys, doubled items, no rule."""
    kind = _plain(kind)
    if isinstance(data, dict) and is_dataclass(kind):
        known = _declared(kind)
        if unknown := sorted(str(name) for name in data if name not in known):
            from difflib import get_close_matches  # slow to import

            near = get_close_matches(unknown[0], known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
            yield f"{place}: unknown key {unknown[0]!r}; {hint}"
        if kind is Rule and not data:
            yield f"{place}: is empty; say which values stay: {', '.join(known)}."
        for name in [name for name in data if name in known]:
            here, extra = f"{place}.{name}", known[name].metadata.get("json_schema_extra")
            if extra and isinstance(data[name], list):
                for number, item in enumerate(data[name]):
                    if item in data[name][:number]:
                        yield f"{here}: {_shown(item)} is there twice; keep one."
            yield from _walk(known[name].type, data[name], here)
    elif isinstance(data, dict) and get_origin(kind) is dict:
        for name, value in data.items():
            yield from _walk(get_args(kind)[1], value, f"{place}.{name}")
    elif isinstance(data, list) and get_origin(kind) is list:
        for number, item in enumerate(data):
            yield from _walk(get_args(kind)[0], item, f"{place}.{number}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _explain(kind: Any, error: dict, name: str) -> tuple[str, str]:
    """Put one error of pydantic into words; give its place and the sentence."""
    place, bounds, description = [name], {}, ""
    for step in error["loc"]:
        kind, declared = _plain(kind), None
        if is_dataclass(kind):
            declared = _declared(kind)[step]
            kind, bounds = declared.type, dict(declared.metadata)
            description = declared.metadata["description"]
        elif get_origin(kind) in (list, dict):
            kind, bounds = get_args(kind)[-1], {}
        else:  # the name of a type among several
            break
        place.append(str(step))
    where, shown = ".".join(place), _shown(error["input"])
    told = f"{shown} is not {allowed(kind, bounds)}"
    if error["type"] == "missing":
        told = "is missing"
    elif error["type"] in ("too_short", "string_too_short"):
        told = f"{shown} is too short"
    elif error["type"] == "string_pattern_mismatch":
        told = f"{shown} is not allowed"
    elif error["type"] == "string_type" and not isinstance(error["input"], (dict, list)):
        told += "; write it in quotes"
    return where, f"{where}: {told}. {description}"
