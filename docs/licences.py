"""The licences of the packages that a run installs, from their own metadata.

Which packages: those that uv.lock names behind the workflow's dependencies, on every platform;
what only tests and clusters need is left out. `generate.py` writes the page.
"""

import re
import tomllib
from importlib.metadata import files, metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent

PAGE = """\
# Licences of the packages

The workflow itself is under the MIT licence. A run installs the packages below, in the versions of
`uv.lock`; the licences are what the packages say of themselves. `make docs` writes this page.

{copyleft}
| package | version | licence |
| --- | --- | --- |
{rows}
"""

COPYLEFT = """\
Under the GNU General Public Licence (GPL), which asks whoever passes on a work that contains the
package to pass it on under the same terms: {whole}. One script imports `scikit-survival`,
`cross_check_incidence.py`, whose results stand beside the workflow's own; `ecos` comes with it. In
part, beside other licences: {part}. No code of these packages is in this repository. Whoever gives
away an environment or a container that holds them gives them away under their terms.
"""

GPL = re.compile(r"\bA?GPL|GNU (Affero )?General Public")  # not the lesser one


def closure(packages: dict[str, dict], start: str) -> list[str]:
    """List what a package of the lock file needs on every platform, itself left out."""
    found, waiting = set(), {start}
    while waiting:
        found |= waiting
        needed = set()
        for name in waiting:
            for dependency in packages[name].get("dependencies", []):
                if "marker" not in dependency:
                    needed.add(dependency["name"])
        waiting = needed - found
    return sorted(found - {start})


def licence(name: str) -> str:
    """Say in a few words under which licence an installed package is."""
    found = metadata(name)
    if expression := found["License-Expression"]:
        return expression
    classifiers = [
        line.rsplit(" :: ", 1)[1]
        for line in found.get_all("Classifier") or []
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    words = (found["License"] or "").strip()
    short = words if words and "\n" not in words and len(words) < 60 else ""
    return short or "; ".join(classifiers) or title_of_licence_file(name)


def title_of_licence_file(name: str) -> str:
    """Read the first line of the licence that an installed package brings."""
    (file,) = (file for file in files(name) or [] if file.name.startswith("LICEN"))
    return file.read_text(encoding="utf-8").strip().splitlines()[0]


def licences() -> str:
    """Compose the page."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    packages = {package["name"]: package for package in lock["package"]}
    listed = {name: licence(name) for name in closure(packages, "seermatch")}
    gpl = {name: words for name, words in listed.items() if GPL.search(words)}
    whole = [f"`{name}`" for name, words in gpl.items() if ";" not in words]
    part = [f"`{name}`" for name, words in gpl.items() if ";" in words]
    return PAGE.format(
        copyleft=COPYLEFT.format(whole=", ".join(whole), part=", ".join(part)),
        rows="\n".join(
            f"| {name} | {packages[name]['version']} | {words} |" for name, words in listed.items()
        ),
    )
