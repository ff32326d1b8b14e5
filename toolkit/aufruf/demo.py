"""The whole way on the bundled sample, with a real local Label Studio."""

from __future__ import annotations

import shutil
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from aufruf.assets import asset
from aufruf.errors import GateError, InputError
from aufruf.files import write_text
from aufruf.label_scheme import PASSES
from aufruf.labelstudio import accounts, rounds, server
from aufruf.labelstudio.answers import Answer
from aufruf.labelstudio.apply import apply
from aufruf.labelstudio.entry import enter_answers
from aufruf.labelstudio.pull import pull
from aufruf.masking import mask_column
from aufruf.sample import SampleAnswer, SampleItem, sample_items, sample_paths, sample_posts
from aufruf.tables import RECORDS
from aufruf.text import normalise
from aufruf.workspace import SETTINGS_FILE, create_workspace, open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from aufruf.agreement import AgreementRow
    from aufruf.baselines.scoring import Score
    from aufruf.label_scheme import LabelScheme, Pass
    from aufruf.workspace import Workspace

    Say = Callable[[str], None]
    Tick = Callable[[str, int, int], None]

ROUND = "demo"
VERSION = "0.1.0"
RECIPE = "hashed-svm"
_MARKER = ".aufruf-demo"
RECORDS_IN_ROUND = 360
_SEED = 0
_TITLE = "Demonstration: invented posts and news"
_UNLABELLED = SampleItem("", SampleAnswer())


@dataclass(frozen=True)
class DemoReport:
    """What the demonstration made, and where it lies."""

    workspace: Path
    release: Path
    model: Path
    loaded: dict[str, int]
    agreement: list[AgreementRow]
    scores: list[Score]
    server: str | None
    logins: list[accounts.Login]


def run_demo(
    directory: Path, *, keep: bool, say: Say, tick: Tick, records: int = RECORDS_IN_ROUND
) -> DemoReport:
    """Go from the sample's posts to an evaluated baseline; replace an earlier demonstration.

    ``say`` is told each step, ``tick`` how far a long one is. Label Studio is stopped at the end, however
    that comes, unless ``keep`` and all went well. ``records`` is the size of the annotated round.

    Raises:
        InputError: if there is something at ``directory`` that is no demonstration.
    """
    workspace = _fresh_workspace(directory)
    with _stopping(workspace, keep=keep):
        say("import: posts and news of the bundled sample")
        _import(workspace, records, tick)
        say("Label Studio: a private server, this machine only")
        running = server.start(workspace, note=say)
        for in_pass in PASSES:
            say(f"{in_pass}: plan, apply, answer as each annotator, pull")
            _annotate(workspace, in_pass, tick)
        say("agreement, gold labels, release")
        agreed = _decide(workspace)
        release = _release(workspace)
        say("load with datasets, train and evaluate a baseline")
        loaded = _load(release, workspace)
        model, scores = _baseline(workspace, release)
        logins = accounts.logins(workspace, rounds.annotators_of(workspace))
        url = running.url if keep else None
        return DemoReport(workspace.root, release, model, loaded, agreed, scores, url, logins)


def _fresh_workspace(directory: Path) -> Workspace:
    root = directory.resolve()
    if (root / _MARKER).exists():
        server.stop(open_workspace(root))
        shutil.rmtree(root)
    elif root.exists() and any(root.iterdir()):
        raise InputError(f"{root}: this folder is no demonstration; name another: aufruf demo DIR")
    create_workspace(root)
    write_text(root / _MARKER, "An earlier demonstration here is replaced by the next one.\n")
    shutil.copy(asset("annotation", "sample", "annotators.toml"), root / "annotation" / "annotators.toml")
    settings = root / SETTINGS_FILE
    written = settings.read_text("utf-8").replace("[release]\n", f'[release]\ntitle = "{_TITLE}"\n')
    write_text(settings, written + '\n[sources.sample]\nrights = "Apache-2.0"\nrelease = "text"\n')
    return open_workspace(root)


@contextmanager
def _stopping(workspace: Workspace, *, keep: bool) -> Generator[None]:
    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    kept = False
    try:
        yield
        kept = keep
    finally:
        signal.signal(signal.SIGTERM, before)
        if not kept:
            server.stop(workspace)


def _import(workspace: Workspace, records: int, tick: Tick) -> None:
    from aufruf.importing import import_paths
    from aufruf.sampling import sample_round

    def tell(stage: str, done: int, total: int | None) -> None:
        tick(f"import: {stage}", done, total or 0)

    import_paths(workspace, sample_paths(), source="sample", progress=tell)
    sample_round(
        workspace, ROUND, records, seed=_SEED, strategy="stratified", by=("language",), allocation="equal"
    )


def _annotate(workspace: Workspace, in_pass: Pass, tick: Tick) -> None:
    rounds.plan_round(workspace, ROUND, in_pass, seed=_SEED, allow_unqualified=True)
    apply(workspace, ROUND, in_pass)
    planned = rounds.assignments(workspace, ROUND, in_pass)
    given = _answers(workspace, planned, in_pass)
    enter_answers(
        workspace, ROUND, in_pass, given, progress=lambda n: tick(f"{in_pass}: answers", n, len(given))
    )
    pull(workspace, ROUND, in_pass)


def _answers(workspace: Workspace, planned: pl.DataFrame, in_pass: Pass) -> dict[str, Answer]:
    """Return what the sample's annotators answer to each planned task, by task key."""
    records = workspace.store.scan(RECORDS).select("record_id", "kind", "text").collect()
    items = _items_of_records(records, workspace)
    texts = dict(records.select("record_id", "text").iter_rows())
    scheme = workspace.label_scheme
    return {
        key: _answer(items[record].of(annotator), texts[record], in_pass, scheme)
        for key, record, annotator in planned.select("task_key", "record_id", "annotator").iter_rows()
    }


def _items_of_records(records: pl.DataFrame, workspace: Workspace) -> dict[str, SampleItem]:
    """Return the sample's item about each record."""
    posts = pl.DataFrame(
        [(post.id, post.text) for post in sample_posts()], schema=["id", "text"], orient="row"
    )
    texts = posts.select(normalise(pl.col("text"))).to_series()
    masked = mask_column(texts, workspace.pseudonym_key(), workspace.settings.privacy.mask)
    post_of = dict(zip(masked, posts.get_column("id"), strict=True))
    by_post = {item.item: item for item in sample_items() if item.contains is None}
    by_excerpt = {item.contains: item for item in sample_items() if item.contains is not None}
    found: dict[str, SampleItem] = {}
    for record, kind, text in records.iter_rows():
        if kind == "post":
            found[record] = by_post[post_of[text]]
        else:
            found[record] = next((item for string, item in by_excerpt.items() if string in text), _UNLABELLED)
    return found


def _answer(given: SampleAnswer, text: str, in_pass: Pass, scheme: LabelScheme) -> Answer:
    if given.skip:
        return Answer(skipped=True)
    attributes = tuple(
        (label, attribute.name, given.labels[label].attributes()[attribute.name])
        for label in given.labels
        for attribute in scheme.attributes_of(label, in_pass)
    )
    if in_pass == "detail":
        spans = tuple(
            (label, text.index(span), text.index(span) + len(span))
            for label, answer in given.labels.items()
            for span in answer.spans
        )
        return Answer(attributes=attributes, spans=spans)
    judged = not set(given.flags) & set(scheme.missing_flags)
    voices = tuple((label, voice) for label, answer in given.labels.items() for voice in answer.voice)
    labels = tuple(given.labels) if judged else None
    return Answer(labels, voices, attributes, None, given.flags, given.comment)


def _decide(workspace: Workspace) -> list[AgreementRow]:
    from aufruf.agreement import agreement
    from aufruf.gold import decide_gold

    rows = agreement(workspace, ROUND, seed=_SEED)
    decide_gold(workspace)
    return rows


def _release(workspace: Workspace) -> Path:
    from aufruf.release.build import export
    from aufruf.release.verify import verify

    release = Path(export(workspace, VERSION, seed=_SEED).path)
    checked = verify(release)
    if not checked.ok:
        raise GateError(f"{release}: {'; '.join(checked.failures)}")
    return release


def _load(release: Path, workspace: Workspace) -> dict[str, int]:
    """Load the release as its users do, offline; return rows by split."""
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(  # pyright: ignore[reportUnknownMemberType] -- its options are untyped
        str(release), cache_dir=str(workspace.cache / "datasets")
    )
    return {str(split): rows.num_rows for split, rows in loaded.items()}


def _baseline(workspace: Workspace, release: Path) -> tuple[Path, list[Score]]:
    from aufruf.baselines.evaluation import evaluate_on_release
    from aufruf.baselines.recipes import load_recipe
    from aufruf.baselines.runs import train

    model = workspace.root / "models" / f"{RECIPE}-{VERSION}"
    train(load_recipe(RECIPE), release, model, seed=_SEED, workspace=workspace)
    return model, evaluate_on_release(model, release, seed=_SEED).scores
