"""Read a study file: YAML in which every scalar is text, and what would mislead is refused.

Read as ordinary YAML, ``No`` becomes false, ``00`` becomes 0 and ``030`` becomes 24; a comma inside
braces splits a label, and a doubled key keeps its last value without a word.
"""

import re
from collections.abc import Iterator

import yaml

from seermatch.errors import StudyError

# every scalar is text; libyaml, where it is there, reads ten times as fast
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
NONE = "none"  # unsets a key of the file that a variant is based on
BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))


class Text(str):
    """A scalar as it is written.

    Attributes
    ----------
    line : int
        Its line in the file, from 1.
    """

    line: int = 0


class Listed(list):
    """A list of texts, lists and mappings; `line` is where it begins."""

    line: int = 0


class Mapped(dict):
    """A mapping whose keys are texts, in the order of the file; `line` is where it begins."""

    line: int = 0


Tree = Text | Listed | Mapped


def read_study_file(content: str | bytes, name: str) -> Mapped:
    """Read the text of a study file.

    Parameters
    ----------
    content : str or bytes
        What the file holds; bytes are UTF-8, with or without a byte order mark.
    name : str
        How messages name the file.

    Returns
    -------
    Mapped
        Scalars are `Text`, whatever they look like; each value knows its line.

    Raises
    ------
    StudyError
        If the content is no UTF-8, no YAML or no mapping; has a tab before a key, an anchor, an
        alias, a tag, a doubled key, a key without a value in braces, or a text in brackets that a
        comma has split.

    Examples
    --------
    >>> read_study_file("surgery: {levels: {None: 00, Lobectomy: 30-48}}", "lung.yaml")
    {'surgery': {'levels': {'None': '00', 'Lobectomy': '30-48'}}}
    >>> read_study_file("stage: {levels: {Early: [I, II], Early: III}}", "l.yaml")
    Traceback (most recent call last):
    seermatch.errors.StudyError: l.yaml, line 1: 'Early' is there twice, first in line 1; keep one.
    """
    text = _decoded(content, name)
    try:
        root = _root(text, name, LOADER)
    except yaml.YAMLError:
        try:
            root = _root(text, name, yaml.BaseLoader)  # tells better where it stopped
        except yaml.YAMLError as error:
            raise StudyError(_say_syntax(error, text, name)) from None
    if not isinstance(root, yaml.MappingNode):
        raise StudyError(f"{name}: a study file holds `key: value` lines; this one does not.")
    return _tree(root, name, in_flow=False)


def based_on(variant: Mapped, base: Mapped) -> Mapped:
    r"""Lay a variant over the study that it is based on.

    Parameters
    ----------
    variant : Mapped
        What replaces: `key` or `section.key`, each whole; `none` unsets.
    base : Mapped
        The study to start from; it is not changed.

    Returns
    -------
    Mapped
        One level of sections is merged key by key (`matching.caliper` alone may change); what lies
        deeper, such as one variable or the list of criteria, is replaced whole.

    Examples
    --------
    >>> base = read_study_file("paper: tables\nmatching: {ratio: 2, seed: 1}", "base.yaml")
    >>> variant = read_study_file("paper: none\nmatching: {ratio: 1}", "variant.yaml")
    >>> based_on(variant, base)
    {'matching': {'ratio': '1', 'seed': '1'}}
    """
    result = Mapped(base)
    for key, value in variant.items():
        if isinstance(value, Mapped):
            own = base.get(key)
            both = (own if isinstance(own, Mapped) else {}) | value
            section = Mapped({name: of for name, of in both.items() if of != NONE})
            section.line = value.line
            value = section
        if isinstance(value, Text) and value == NONE:
            result.pop(key, None)
        elif key != "based_on":
            result[key] = value
    return result


def _decoded(content: str | bytes, name: str) -> str:
    if isinstance(content, str):
        text = content
    else:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content[:64]:
            raise StudyError(f"{name} is UTF-16; save it as UTF-8.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise StudyError(f"{name}, line {line}: no UTF-8; save the file as UTF-8.") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r" *\t", line):
            raise StudyError(f"{name}, line {number}: indented by a tab; use blanks.")
    return text


def _root(text: str, name: str, loader: type) -> yaml.Node | None:
    for token in yaml.scan(text, Loader=loader):
        _refuse_reference(token, name)
    return yaml.compose(text, Loader=loader)


def _refuse_reference(token: yaml.Token, name: str) -> None:
    """Refuse what makes one place of the file mean another."""
    kinds = {
        yaml.AnchorToken: ("anchor &", "write it out"),
        yaml.AliasToken: ("alias *", "write it out, or quote a text that begins with *"),
        yaml.TagToken: ("tag !", "quote a text that begins with !"),
    }
    for kind, (what, do) in kinds.items():
        if isinstance(token, kind):
            value = (
                token.value if isinstance(token.value, str) else "".join(filter(None, token.value))
            )
            line = token.start_mark.line + 1
            raise StudyError(f"{name}, line {line}: '{what}{value}' is not read here; {do}.")


def _say_syntax(error: yaml.YAMLError, text: str, name: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return f"{name} cannot be read: {error}."
    lines = text.splitlines()
    shown = lines[mark.line].strip() if mark.line < len(lines) else "the end of the file"
    advice = "a text that holds ': ' or ' #', or begins with one of []{}>|*&!%@`, needs quotes"
    return f"{name}, line {mark.line + 1}: {error.problem} at {shown!r}; {advice}."


def _tree(node: yaml.Node, name: str, in_flow: bool) -> Tree:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        value = Text(node.value)
    elif isinstance(node, yaml.SequenceNode):
        in_flow = in_flow or bool(node.flow_style)
        value = Listed(_tree(item, name, in_flow) for item in node.value)
        if in_flow:
            _refuse_split(list(_plain(node.value)), name)
    else:
        in_flow = in_flow or bool(node.flow_style)
        value = _mapping(node, name, in_flow)
    value.line = line
    return value


def _mapping(node: yaml.MappingNode, name: str, in_flow: bool) -> Mapped:
    result = Mapped()
    texts = []
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise StudyError(f"{name}, line {line}: a key is one text; quote it.")
        if key.value == "<<" and not key.style:
            raise StudyError(f"{name}, line {line}: '<<' is not read here; write it out.")
        if key.value in result:
            first = next(known.line for known in result if known == key.value)
            told = f"'{key.value}' is there twice, first in line {first}; keep one"
            raise StudyError(f"{name}, line {line}: {told}.")
        texts += [key, value]
        if isinstance(value, yaml.ScalarNode) and not value.value and not value.style and in_flow:
            told = f"'{key.value}' has no value: a comma splits here; quote the text that holds it"
            _refuse_split([text for text in _plain(texts) if text.value], name)
            raise StudyError(f"{name}, line {line}: {told}.")
        written = Text(key.value)
        written.line = line
        result[written] = _tree(value, name, in_flow)
    if in_flow:
        _refuse_split(list(_plain(texts)), name)
    return result


def _plain(nodes: list[yaml.Node]) -> Iterator[yaml.ScalarNode]:
    """Yield the scalars that are written without quotes."""
    return (node for node in nodes if isinstance(node, yaml.ScalarNode) and not node.style)


def _refuse_split(nodes: list[yaml.ScalarNode], name: str) -> None:
    """Refuse texts that a comma may have split: open brackets, or digits behind a number's end."""
    for before, after in zip(nodes, [*nodes[1:], None], strict=False):
        opened = any(
            before.value.count(left) != before.value.count(right) for left, right in BRACKETS
        )
        thousands = (
            after is not None
            and re.search(r"[$<>] ?\d{1,3}$", before.value)
            and re.match(r"\d{3}(?!\d)", after.value)
        )
        if not (opened or thousands):
            continue
        line = before.start_mark.line + 1
        if after is None or (not thousands and not opened):
            raise StudyError(
                f"{name}, line {line}: unbalanced brackets in '{before.value}'; quote it."
            )
        whole = f"{before.value}{',' if thousands else ', '}{after.value}"
        raise StudyError(
            f"{name}, line {line}: '{before.value}' and '{after.value}' may be one label: a comma "
            f'splits here; if it belongs to the label, quote it: "{whole}".'
        )
