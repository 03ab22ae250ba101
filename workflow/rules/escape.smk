"""Texts of the configuration that can do no harm in `snakemake --report`.

Snakemake puts the params of each job into a script of that page as they are printed, where
`</script>` in a title would end the script and begin whatever follows; and captions are
reStructuredText, in which a title could include a file. Scripts get the texts as they were.
"""

import re

# All that has a meaning in reStructuredText or HTML; the labels that SEER uses have none of it.
MARKUP = re.compile(r"[^\w\s(),./+-]|^\W|_(?!\w)|[\n\r]")


class PrintedSafely(str):
    """A text that is printed within lists and dictionaries without the sign that opens a tag."""

    def __repr__(self):
        return str.__repr__(self).replace("<", "\\x3c")

    def __reduce__(self):
        return str, (str.__str__(self),)


class SafeInCaptions(PrintedSafely):
    """A text that a caption shows as it is, on one line, whatever it would mean as markup."""

    def __str__(self):
        one_line = " ".join(str.__str__(self).split())
        return re.sub(r"([^\w\s]|_)", r"\\\1", one_line)

    def __format__(self, specification):
        return format(str(self), specification)


def printed_safely(value, text=PrintedSafely):
    """Make all texts within dictionaries and lists safe to print, the keys included."""
    if isinstance(value, dict):
        return {
            printed_safely(key): printed_safely(inner, text)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [printed_safely(inner, text) for inner in value]
    return text(value) if isinstance(value, str) and MARKUP.search(value) else value


# Paths are used as they are, and stand in no caption.
for key in config:
    paths = key in ("exports", "paper", "pathvars")
    config[key] = printed_safely(
        config[key], PrintedSafely if paths else SafeInCaptions
    )
