"""Measure the extraction of articles from saved pages against trafilatura as it comes.

    .venv/bin/python benchmarks/news_extraction.py DATA/news

DATA/news holds saved pages and `expected.json`: by page, strings that the article's text must hold
(`with`) and must not hold (`without`). Both are looked for with white space as one space.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aufruf.articles import excerpts
from aufruf.sources.pages import page_of
from aufruf.text import normalise_text

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "news_extraction.json"


def defaults(page: bytes) -> str:
    """Return the text that trafilatura gives without options."""
    from trafilatura import extract

    return extract(page) or ""


def tuned(**options: bool) -> Callable[[bytes], str]:
    """Return trafilatura with options."""
    from trafilatura import extract

    return lambda page: extract(page, **options) or ""


def article(page: bytes) -> str:
    """Return the text that the import makes excerpts of."""
    found = page_of(page)
    return found.text if found else ""


def excerpted(page: bytes) -> str:
    """Return what stands in excerpts: the article without its residue."""
    text = normalise_text(article(page))
    return "\n".join(text[start:end] for start, end in excerpts(text).excerpts)


SYSTEMS: dict[str, Callable[[bytes], str]] = {
    "trafilatura, defaults": defaults,
    "trafilatura, no comments": tuned(include_comments=False),
    "trafilatura, no comments, precision": tuned(include_comments=False, favor_precision=True),
    "trafilatura, no comments, recall": tuned(include_comments=False, favor_recall=True),
    "aufruf, article": article,
    "aufruf, excerpts": excerpted,
}


def measured(folder: Path, system: Callable[[bytes], str]) -> dict[str, Any]:
    """Return how often a system meets what is expected, the pages where it does not, and its time."""
    pages = json.loads((folder / "expected.json").read_text("utf-8")).values()
    met, asked = Counter[str](), Counter[str]()
    failing: Counter[str] = Counter()
    seconds = 0.0
    for page in pages:
        content = (folder / page["file"]).read_bytes()
        started = time.process_time()
        text = " ".join(system(content).split())
        seconds += time.process_time() - started
        for kind, wanted in (("with", True), ("without", False)):
            for part in filter(None, page[kind]):
                good = (" ".join(part.split()) in text) is wanted
                asked[kind] += 1
                met[kind] += good
                failing[page["file"]] += not good
    return {
        "with": met["with"] / asked["with"],
        "without": met["without"] / asked["without"],
        "both": met.total() / asked.total(),
        "met": dict(met),
        "asked": dict(asked),
        "failing": {file: n for file, n in sorted(failing.items()) if n},
        "milliseconds_a_page": round(1000 * seconds / len(pages), 1),
    }


def main() -> None:
    """Measure all systems in one run, write the results, and print them as a table."""
    if len(sys.argv) != 2:  # noqa: PLR2004 -- the program and the folder
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    systems = {}
    for name, system in SYSTEMS.items():
        measured(folder, system)  # once unmeasured: imports and compiled patterns are no part of it
        systems[name] = measured(folder, system)
    about = {"python": platform.python_version(), "trafilatura": version("trafilatura")}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(about | {"systems": systems}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for name, row in systems.items():
        shares = " | ".join(f"{row[kind]:.3f}" for kind in ("with", "without", "both"))
        print(f"| {name} | {shares} | {row['milliseconds_a_page']} |")


if __name__ == "__main__":
    main()
