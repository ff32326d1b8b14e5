"""Verify: a release is checked against itself, and whatever was changed is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aufruf.errors import InputError
from aufruf.label_scheme import load_label_scheme
from aufruf.release.features import FEATURES, FOLDERS, GROUPS, SPLITS
from aufruf.release.manifest import MANIFEST, canonical_json, list_files, read_manifest, seal
from aufruf.release.parquet import content_sha256, read_split, write_split
from aufruf.release.verify import verify
from aufruf.release.versions import read_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[pl.DataFrame], pl.DataFrame]


def features_of(release: Path, config: str) -> Any:
    return FEATURES[config](load_label_scheme(release / "docs" / "label_scheme.toml"))


def reseal(release: Path, **fields: Any) -> None:
    """Write a manifest that fits the files again, as someone would who covers a change."""
    frames = {
        (config, split): read_split(release, config, split, features_of(release, config))
        for config in FOLDERS
        for split in SPLITS
    }
    changed = {"files": list_files(release), "content_sha256": content_sha256(frames), **fields}
    manifest = msgspec.structs.replace(read_manifest(release), **changed)
    (release / MANIFEST).write_bytes(canonical_json(seal(manifest)))


def rewrite(release: Path, change: Change, config: str = "default", split: str = "test") -> None:
    """Change the rows of one split and cover it as far as possible."""
    features = features_of(release, config)
    write_split(release, config, split, change(read_split(release, config, split, features)), features)
    reseal(release)


def test_a_release_verifies_and_nothing_is_shared_between_its_splits(filled_release: Path):
    report = verify(filled_release)
    assert (report.ok, report.failures) == (True, [])
    assert set(report.certificate.values()) == {0}
    assert "shared_author_groups" in report.certificate


def test_verification_needs_neither_the_workspace_nor_the_folders_name(filled_release: Path, tmp_path: Path):
    moved = shutil.move(filled_release, tmp_path / "elsewhere")
    assert verify(Path(moved)).ok


@given(flips=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_anywhere_is_found_and_the_file_named(filled_release: Path, flips: st.DataObject):
    paths = sorted(path for path in filled_release.rglob("*") if path.is_file())
    assert len(paths) > 13
    path = flips.draw(st.sampled_from(paths))
    content = path.read_bytes()
    place = flips.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[place] ^= 1 << flips.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        report = verify(filled_release)
    finally:
        path.write_bytes(content)
    name = path.relative_to(filled_release).as_posix()
    assert not report.ok
    assert [failure.partition(":")[0] for failure in report.failures] == [name]


def test_every_byte_of_the_manifest_counts(filled_release: Path):
    path = filled_release / MANIFEST
    content = path.read_bytes()
    for place in range(0, len(content), 23):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(InputError, match=r"^MANIFEST\.json: is not as it was written"):
            read_manifest(filled_release)


def test_a_manifest_that_says_the_same_in_other_bytes_is_not_the_one_that_was_written(filled_release: Path):
    path = filled_release / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"files":{', b'"files": {'))
    assert verify(filled_release).failures == [
        "MANIFEST.json: is not as it was written: its own hash does not hold"
    ]


def test_missing_and_stray_files_and_links_are_named(filled_release: Path):
    (filled_release / "docs" / "guidelines.de.md").unlink()
    (filled_release / "data" / "extra.parquet").write_bytes(b"")
    assert verify(filled_release).failures == [
        "docs/guidelines.de.md: is missing",
        "data/extra.parquet: does not belong to the release",
    ]
    (filled_release / "docs" / "link").symlink_to("/etc/hostname")
    assert verify(filled_release).failures[0].startswith("docs/link: neither a plain file")


def test_a_release_without_its_manifest_fails(filled_release: Path):
    (filled_release / MANIFEST).unlink()
    assert "there is no MANIFEST.json" in verify(filled_release).failures[0]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(InputError, match="no such folder"):
        verify(tmp_path / "nowhere")


def first(column: str, value: Any) -> Change:
    """Put a value into the first row of a column."""
    return lambda rows: rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 0)
        .then(pl.lit(value, dtype=rows.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
    )


@pytest.mark.parametrize(
    ("change", "config", "problem"),
    [
        (first("threat_serious", 7), "default", "column threat_serious holds a class label out of range"),
        (first("asked", [4]), "default", "column asked holds a class label out of range"),
        (first("voices", [{"label": 0, "voice": -1}]), "annotations", "column voices holds a class label"),
        (first("spans", [{"label": 0, "start": 0, "end": 9999}]), "default", "a span lies outside"),
        (first("spans", [{"label": 0, "start": 3, "end": 3}]), "default", "a span lies outside"),
        (first("threat_share", 1.5), "default", "a share is not between 0 and 1"),
        (first("weight", 0.5), "default", "a weight is below 1"),
        (lambda rows: rows.reverse(), "default", "is not sorted by id"),
        (first("id", ""), "default", "1 unlocked"),
        (first("id", ""), "annotations", "1 judgements elsewhere"),
        (lambda rows: rows.head(1).vstack(rows), "default", "an id stands twice"),
        (first("threat_contained", None), "default", "its figures are not those of the files"),
        (lambda rows: rows.tail(-1), "default", "its counts are not those of the files"),
        (lambda rows: rows.tail(-1), "default", "its dataset_info does not say"),
    ],
)
def test_what_must_not_be_is_found_although_all_hashes_fit(
    filled_release: Path, change: Change, config: str, problem: str
):
    rewrite(filled_release, change, config)
    report = verify(filled_release)
    assert not report.ok
    assert any(problem in failure for failure in report.failures), report.failures


@pytest.mark.parametrize("column", GROUPS)
def test_a_group_in_two_splits_is_found(filled_release: Path, column: str):
    rows = read_split(filled_release, "default", "train", features_of(filled_release, "default"))
    rewrite(filled_release, first(column, rows.get_column(column).drop_nulls()[0]))
    report = verify(filled_release)
    assert report.certificate[f"shared_{column}s"] == 1
    assert f"splits.lock.json: 1 shared {column.replace('_', ' ')}s" in report.failures


def test_a_record_in_two_splits_is_found(filled_release: Path):
    train = read_split(filled_release, "default", "train", features_of(filled_release, "default"))
    rewrite(filled_release, lambda rows: rows.vstack(train.head(1)).sort("id"))
    assert verify(filled_release).certificate["shared_ids"] == 1


def test_a_changed_text_does_not_escape_the_content_hash(filled_release: Path):
    content = read_manifest(filled_release).content_sha256
    rewrite(filled_release, first("text", "another"))
    assert read_manifest(filled_release).content_sha256 != content
    reseal(filled_release, content_sha256=content)
    failures = verify(filled_release).failures
    assert "MANIFEST.json: the content of data and annotations has another hash" in failures


def test_another_label_scheme_beside_the_data_is_found(filled_release: Path):
    path = filled_release / "docs" / "label_scheme.toml"
    path.write_text(path.read_text("utf-8").replace('version = "0.', 'version = "7.', 1), "utf-8")
    reseal(filled_release)
    assert "is another label scheme" in verify(filled_release).failures[0]


def test_columns_that_the_label_scheme_does_not_make_are_found(filled_release: Path):
    path = filled_release / "data" / "test-00000-of-00001.parquet"
    pl.read_parquet(path).with_columns(extra=1).write_parquet(path)
    manifest = msgspec.structs.replace(read_manifest(filled_release), files=list_files(filled_release))
    (filled_release / MANIFEST).write_bytes(canonical_json(seal(manifest)))
    assert verify(filled_release).failures == [
        "data/test-00000-of-00001.parquet: has other columns than the label scheme makes"
    ]


def test_a_lock_that_names_a_record_twice_is_refused(tmp_path: Path):
    path = tmp_path / "splits.lock.json"
    path.write_bytes(b'{"format":1,"splits":{"test":["a"],"train":["a"],"validation":[]}}')
    with pytest.raises(InputError, match="a record twice"):
        read_lock(path)


def test_the_content_hash_sees_nulls_borders_and_order():
    """Worked cases that a careless hash takes for equal."""
    cases: list[list[Any]] = [
        [["a", "bc"]],
        [["ab", "c"]],
        [["abc"]],
        [["a", None, "bc"]],
        [["a", "", "bc"]],
        [["a"], ["bc"]],
        [["bc"], ["a"]],
        [["a"], None, ["bc"]],
        [["a"], [], ["bc"]],
        [["a", "b"], ["c"]],
        [["a"], ["b", "c"]],
    ]
    empty = pl.DataFrame({"x": []}, schema={"x": pl.List(pl.String)})

    def hash_of(rows: list[Any]) -> str:
        frames = {(config, split): empty for config in FOLDERS for split in SPLITS}
        return content_sha256(frames | {("default", "train"): pl.DataFrame({"x": rows}, schema=empty.schema)})

    assert len({hash_of(rows) for rows in cases}) == len(cases)


def test_the_content_hash_sees_a_column_in_each_config_that_has_it():
    def hash_of(default: Any, dehydrated: Any) -> str:
        frames = {(config, split): pl.DataFrame() for config in FOLDERS for split in SPLITS}
        held = {"default": default, "dehydrated": dehydrated}
        frames |= {(config, "train"): pl.DataFrame({"x": [value]}) for config, value in held.items()}
        return content_sha256(frames)

    cases = [
        ("a", "a"),
        ("a", "b"),
        ("b", "a"),
        ("a", ""),
        ("a", None),
        (1, 1),
        (1, True),
        (0.0, 0.0),
        (0.0, -0.0),
    ]
    assert len({hash_of(*case) for case in cases}) == len(cases)


def test_periods_that_overlap_are_found(filled_release: Path):
    borders = {"validation": "2031-05-01T00:00:00+00:00", "test": "2031-06-01T00:00:00+00:00"}
    reseal(filled_release, borders=borders)
    assert verify(filled_release).failures == [
        "MANIFEST.json: train holds a record of a later month than validation",
        "MANIFEST.json: validation holds a record of a later month than test",
    ]
