"""The printed tables of the paper that the study follows, as text for `params`."""

from pathlib import Path

PAPER_TABLES = ("table1", "table2", "table3", "table4")


def paper_text(name):
    """Read a printed table: from the folder that is configured, else from this workflow's own."""
    folder = config["paper"]["folder"]
    if folder is None:
        stop("config.paper.folder: is null; name the folder of the printed tables.")
    path = Path(folder) / f"{name}.tsv"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            stop(f"config.paper.folder: {path} is not text in UTF-8; save it again so.")
    if folder == "resources/paper":
        return source_text(f"../../resources/paper/{name}.tsv")
    stop(f"config.paper.folder: there is no file {path}.")


def paper_tables(wildcards):
    """Give the printed tables as text, for `params`: an edit of a cell reruns, a touch does not."""
    return printed_safely({name: paper_text(name) for name in PAPER_TABLES})


def paper_tables_and_text(wildcards):
    """Give the printed tables, and the facts that the paper states elsewhere."""
    return paper_tables(wildcards) | printed_safely({"text": paper_text("text")})
