"""Sections of a page that commands write, each between marks of its own."""

from pathlib import Path


def put_section(path: Path, begin: str, end: str, text: str):
    """Put a section between its marks, or at the end of the page; the rest stays as it is."""
    text = f"{begin}\n{text.strip()}\n{end}\n"
    old = path.read_text(encoding="utf-8") if path.exists() else "# Validation\n"
    if begin in old:
        before, _, rest = old.partition(begin)
        rest = rest.partition(end)[2].strip("\n")
        text = before + text + (f"\n{rest}\n" if rest else "")
    else:
        text = f"{old.rstrip()}\n\n{text}"
    path.write_text(text, encoding="utf-8")
