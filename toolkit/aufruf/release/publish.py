"""Publish a verified release on the Hugging Face Hub: private, gated, in one commit, with a tag.

The folder goes up as it is; nothing is converted on the way, so it verifies when it comes down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec
import polars as pl

from aufruf.errors import GateError, InputError, ServerError
from aufruf.release.front_matter import read_front_matter
from aufruf.release.manifest import list_files, read_manifest
from aufruf.release.verify import verify
from aufruf.release.versions import parse_version
from aufruf.release.withdrawal import withdrawal_of
from aufruf.tables import EVENTS

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

ACTION = "publish"
_GATE = "extra_gated_prompt"


@dataclass(frozen=True)
class PublishReport:
    """What was published, or would be. ``commit`` is what to cite: tags on the Hub can move."""

    version: str
    repo: str
    files: int
    bytes: int
    tag: str
    url: str | None = None
    commit: str | None = None


def publish(workspace: Workspace, version: str, repo: str, *, yes: bool = False) -> PublishReport:
    """Upload a release to a private repository of data sets, and tag the commit; without ``yes`` only say so.

    Run again after it was cut off, it ends in the same state: files that are there make no new commit.

    Raises:
        InputError: if there is no such release.
        GateError: if it does not verify, was withdrawn, is not final, or its card asks nobody to agree to
            terms.
        ServerError: if the Hub cannot be reached or refuses, the repository is public, or the tag stands on
            something else.
    """
    parse_version(version)
    path = workspace.root / "releases" / version
    _check(path)
    files = list_files(path)
    tag = f"v{version}"
    size = sum(file.bytes for file in files.values())
    planned = PublishReport(version, repo, len(files) + 1, size, tag)
    if not yes:
        return planned
    with workspace.locked():
        url, commit = _upload(path, repo, tag)
        _record(workspace, version, {"repo": repo, "commit": commit, "tag": tag})
    return PublishReport(version, repo, planned.files, size, tag, url, commit)


def _check(path: Path) -> None:
    """Refuse what must not go out."""
    if not path.is_dir():
        raise InputError(f"{path}: there is no such release; `aufruf status` lists them")
    if withdrawal_of(path) is not None:
        raise GateError(f"{path}: was withdrawn; publish its successor")
    report = verify(path)
    if not report.ok:
        raise GateError(f"{path}: does not verify: {report.failures[0]}")
    missing = _unfinished(path)
    if missing:
        raise GateError(f"{path}: is not final: {missing}; make a release with `aufruf export … --final`")


def _unfinished(path: Path) -> str | None:
    """Say what keeps a release from being final; None if nothing does."""
    manifest: dict[str, Any] = msgspec.to_builtins(read_manifest(path))
    if not manifest.get("final"):
        return "its manifest does not say so"
    card = read_front_matter((path / "README.md").read_text("utf-8"))
    return None if card.get(_GATE) else "its card has no gating text that users must agree to"


def _upload(path: Path, repo: str, tag: str) -> tuple[str, str]:
    """Upload everything in one commit and tag it; return its address and hash."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    broken = cast(
        "type[Exception]", HfHubHTTPError.__mro__[1]
    )  # the base of all errors of its HTTP library, whichever that is

    api = HfApi()
    try:
        api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        if not api.repo_info(repo, repo_type="dataset").private:
            raise ServerError(f"{repo}: is public; make it private on the Hub, or name another")
        done: Any = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=path,
            commit_message=f"Release {tag}",
            delete_patterns="*",
        )
        commit = str(done.oid)
        _tag(api, repo, tag, commit)
    except (broken, OSError) as error:
        status = getattr(getattr(error, "response", None), "status_code", type(error).__name__)
        raise ServerError(
            f"{repo}: the Hub refuses or cannot be reached ({status}): check HF_TOKEN and the name; run again"
        ) from None
    return f"{api.endpoint}/datasets/{repo}", commit


def _tag(api: Any, repo: str, tag: str, commit: str) -> None:
    """Put the tag on the commit, unless it is there.

    Raises:
        ServerError: if it is on another commit: somebody may cite it.
    """
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repo, repo_type="dataset").tags}
    if tag not in tags:
        api.create_tag(repo, tag=tag, revision=commit, repo_type="dataset")
    elif tags[tag] != commit:
        raise ServerError(f"{repo}: {tag} is on another commit, {tags[tag][:12]}: a release never changes")


def _record(workspace: Workspace, version: str, details: dict[str, str]) -> None:
    done = workspace.store.scan(EVENTS).filter((pl.col("action") == ACTION) & (pl.col("subject") == version))
    known = [msgspec.json.decode(row) for row in done.select("details").collect().to_series()]
    if details not in known:
        workspace.record_event(ACTION, version, details)
