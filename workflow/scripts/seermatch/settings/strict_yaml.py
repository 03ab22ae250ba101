"""Refuse a configuration file of which YAML reads something else than it seems to say."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import yaml

from seermatch.errors import StudyError

# Keys whose values are text, whatever YAML takes them for.
TEXTS = {"labels", "registries", "label", "level", "pattern", "criterion"}
TEXTS |= {"title", "question", "claim", "source"}
KINDS = {"int": "number", "float": "number", "bool": "truth value", "timestamp": "date"}
MOST_VALUES = 100_000  # of a configuration, its aliases written out


def _problems(
    node: yaml.Node, place: tuple = (), key: str = ""
) -> Iterator[tuple[int, tuple, str]]:
    """Say, value by value, where YAML reads something else than what is written.

    Yields the line, the place and a sentence.
    """
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        first = {}
        for name, value in node.value:
            here = (*place, str(name.value))
            yield from _problems(name, here, "key")
            if name.value in first and name.value != "<<":
                told = f"the key is there twice, first in line {first[name.value]}; keep one"
                yield name.start_mark.line + 1, here, told
            first.setdefault(name.value, name.start_mark.line + 1)
            yield from _problems(value, here, name.value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _problems(value, (*place, ""), key)
    elif not node.style and (told := _misread(node, place, key)):
        yield line, place, told


def _misread(node: yaml.Node, place: tuple, key: str) -> str:
    """Say what YAML makes of a plain value that is no such thing; nothing where it is right."""
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind in ("str", "merge") or (kind == "null" and place[-1:] != ("",)):
        return ""
    as_written = kind == "int" and re.fullmatch(r"0|-?[1-9]\d*", text)
    if key in TEXTS | {"key"}:
        wrong = not as_written or key != "labels" or "exposure" in place
    else:  # 1_000, 1:30 and 0x1F are numbers, too, and 010 is 8
        wrong = kind in ("int", "float") and re.search(r"[_:xb]|^[+-]?0\d", text)
    if not wrong:
        return ""
    if kind == "null":
        return f"{text or 'an empty entry'} is read as nothing; write it in quotes or leave it out"
    write = f'write "{text}", in quotes' if key in TEXTS | {"key"} else "write plain digits"
    value = str(yaml.safe_load(text)).lower()
    return f"{text} is read as the {KINDS.get(kind, kind)} {value}; {write}"


def _written_out(node: yaml.Node, sizes: dict, open_nodes: tuple = ()) -> float:
    """Count the values of a node with its aliases written out; infinite where it holds itself."""
    if node in open_nodes:
        return float("inf")
    if node not in sizes:
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        open_nodes = (*open_nodes, node)
        sizes[node] = 1 + sum(_written_out(part, sizes, open_nodes) for part in parts)
    return sizes[node]


def check_strictly(path: str | Path, keys: Collection[str]) -> None:
    """Refuse a configuration file that says something else than it seems to.

    YAML takes the last of two equal keys, 050 for 40 and No for false without a word.

    Parameters
    ----------
    path : str or path
        The file, which YAML can read; JSON passes.
    keys : collection of str
        Keys of the configuration. A file with others is that of another workflow, which uses this
        one as its module, and is left alone.

    Raises
    ------
    StudyError
        Names the lines.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            root = yaml.compose(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return  # JSON, or Snakemake has refused it
    if not isinstance(root, yaml.MappingNode):
        return
    # the file of another workflow that uses this one as its module
    if not {name.value for name, _ in root.value} <= keys:
        return
    if _written_out(root, {}) > MOST_VALUES:
        raise StudyError(
            f"{path}: too many values behind its aliases (*name); write the study out."
        )
    found = [
        f"{path}, line {line}: {'.'.join(filter(None, place))}: {told}."
        for line, place, told in _problems(root)
    ]
    if found:
        more = [f"... and {len(found) - 5} more of the kind."] if len(found) > 6 else []
        raise StudyError("\n".join(found[: 5 if more else None] + more))
