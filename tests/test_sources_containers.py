"""Compressed files, archives and standard input: read as streams, bounded, and nothing left behind."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from backports import zstd

from aufruf.errors import InputError
from aufruf.importing import import_paths
from aufruf.sources import tarred, unpacking, zipped
from aufruf.sources.reading import read_source
from aufruf.tables import RECORDS
from test_sources_hostile import MOST_MEMORY, read_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.workspace import Workspace

LINES = [{"id": str(n), "text": f"Nachricht {n} 🔥"} for n in range(500)]
CONTENT = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES).encode()
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}


def zipped_files(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred_files(members: dict[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a file without a telling name"


def texts(path: Path) -> list[str]:
    return read_source(path).records["text"].to_list()


@pytest.mark.parametrize("kind", COMPRESSORS)
@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet", "telegram"])
def test_a_compressed_file_is_read_like_the_file(file: Path, kind: str, format_: str):
    frame = pl.DataFrame(LINES)
    out = io.BytesIO()
    if format_ == "csv":
        frame.write_csv(out)
    elif format_ == "parquet":
        frame.write_parquet(out)
    elif format_ == "telegram":
        chat = {"name": "a", "type": "public_channel", "id": 1, "messages": LINES}
        out.write(json.dumps(chat).encode())
    else:
        out.write(CONTENT)
    file.write_bytes(COMPRESSORS[kind](out.getvalue()))
    result = read_source(file)
    assert result.records["text"].to_list() == [line["text"] for line in LINES]
    assert set(result.records["file"]) == {file.name}


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_parts_behind_each_other_are_one_file(file: Path, kind: str):
    compress = COMPRESSORS[kind]
    file.write_bytes(compress(CONTENT) + compress(b'{"id": "500", "text": "Noch eine"}\n'))
    assert texts(file)[-1] == "Noch eine"


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_a_compressed_file_cut_off_anywhere_is_an_error(file: Path, kind: str):
    content = COMPRESSORS[kind](CONTENT)
    for hundredth in range(1, 100):
        file.write_bytes(content[: max(8, len(content) * hundredth // 100)])
        with pytest.raises(InputError, match="cut off"):
            read_source(file)


def test_a_zip_cut_off_anywhere_is_an_error(file: Path):
    content = zipped_files({"a": CONTENT, "b": CONTENT})
    for hundredth in range(1, 100):
        file.write_bytes(content[: len(content) * hundredth // 100])
        with pytest.raises(InputError):
            read_source(file)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_flipped_byte_is_an_error_or_changes_nothing(file: Path, kind: str):
    """Zstandard is left out: files of it mostly hold no checksum."""
    content = bytearray(COMPRESSORS[kind](CONTENT))
    for place in range(10, len(content), 97):
        content[place] ^= 1
        file.write_bytes(bytes(content))
        try:
            found = texts(file)
        except InputError:
            found = [line["text"] for line in LINES]
        content[place] ^= 1
        assert found == [line["text"] for line in LINES]


def test_each_member_of_a_zip_is_a_file(file: Path):
    members = {
        "posts.jsonl": CONTENT,
        "deep/down/more.csv.gz": gzip.compress(b"id;text\n1;Eins\n2;Zwei\n"),
        "media/1.png": b"\x89PNG\x00\x01\x02\x03" * 9,
        "inner.zip": zipped_files({"a": CONTENT}),
        "__MACOSX/posts.jsonl": b"x",
        ".DS_Store": b"x",
    }
    file.write_bytes(zipped_files(members))
    result = read_source(file)
    assert result.records["file"].unique(maintain_order=True).to_list() == [
        f"{file.name}/posts.jsonl",
        f"{file.name}/deep/down/more.csv.gz",
    ]
    assert result.quarantine.select("file", "reason").rows() == [
        (f"{file.name}/media/1.png", "media"),
        (f"{file.name}/inner.zip", "nested_archive"),
    ]
    assert result.read == 500 + 2 + 2


def test_members_that_lead_elsewhere_are_refused(file: Path, tmp_path: Path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in (
            "../up.jsonl",
            "/etc/absolute.jsonl",
            "a/../../b.jsonl",
            "C:\\drive.jsonl",
            "..\\w.jsonl",
        ):
            archive.writestr(zipfile.ZipInfo(name), CONTENT)
        for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO):
            info = zipfile.ZipInfo(f"special{kind}")
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, "/etc/passwd")
        archive.writestr("good.jsonl", CONTENT)
    file.write_bytes(out.getvalue())
    before = sorted(tmp_path.rglob("*"))
    result = read_source(file)
    assert result.records["file"].unique().to_list() == [f"{file.name}/good.jsonl"]
    assert result.quarantine["reason"].to_list() == ["unsafe_member"] * 9
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["", *COMPRESSORS])
@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_each_member_of_a_tar_is_a_file(file: Path, kind: str, format_: int):
    members = {
        "posts.jsonl": CONTENT,
        "deep/" * 30 + "more.csv.gz": gzip.compress(b"id;text\n1;Eins\n2;Zwei\n"),
        "media/1.png": b"\x89PNG\x00\x01\x02\x03" * 9,
        "inner.zip": zipped_files({"a": CONTENT}),
        "inner.tar": tarred_files({"a": CONTENT}),
        "._posts.jsonl": b"x",
    }
    file.write_bytes(COMPRESSORS.get(kind, bytes)(tarred_files(members, format_)))
    result = read_source(file)
    names = [f"{file.name}/{name}" for name in members]
    assert result.records["file"].unique(maintain_order=True).to_list() == names[:2]
    assert result.quarantine.select("file", "reason").rows() == [
        (names[2], "media"),
        (names[3], "nested_archive"),
        (names[4], "nested_archive"),
    ]
    assert result.read == 500 + 2 + 3


def test_members_of_a_tar_that_lead_elsewhere_are_refused(file: Path, tmp_path: Path):
    out = io.BytesIO()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("../up.jsonl", "/etc/absolute.jsonl", "a/../../b.jsonl", "C:\\drive.jsonl"):
            info = tarfile.TarInfo(name)
            info.size = len(CONTENT)
            archive.addfile(info, io.BytesIO(CONTENT))
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(f"special{number}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("good.jsonl")
        info.size = len(CONTENT)
        archive.addfile(info, io.BytesIO(CONTENT))
    file.write_bytes(out.getvalue())
    before = sorted(tmp_path.rglob("*"))
    result = read_source(file)
    assert result.records["file"].unique().to_list() == [f"{file.name}/good.jsonl"]
    assert result.quarantine["reason"].to_list() == ["unsafe_member"] * (4 + len(kinds))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sparse_member_that_claims_a_terabyte_is_refused_unread(file: Path):
    """GNU's old form: a header with a map of one byte, and the size that the rest of zeros would have."""
    header = bytearray(tarred_files({"huge.jsonl": b"x" * 512}, tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (0, 512)
    header[483:495] = b"%011o\0" % (1 << 32)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    file.write_bytes(header)
    result = read_source(file)
    assert result.quarantine.select("item", "reason").rows() == [("huge.jsonl", "unsafe_member")]


@pytest.mark.parametrize("kind", ["", *COMPRESSORS])
def test_a_tar_cut_off_anywhere_is_an_error_or_a_part_that_says_so(file: Path, kind: str):
    content = COMPRESSORS.get(kind, bytes)(tarred_files(dict.fromkeys("abc", CONTENT)))
    ends = [len(content) * hundredth // 100 for hundredth in range(1, 100)]
    ends += [] if kind else range(0, 5 * 512, 512)
    whole, kept = {line["text"] for line in LINES}, set[int]()
    for end in ends:
        file.write_bytes(content[: max(300, end)])
        try:
            result = read_source(file)
        except InputError:
            continue
        if not kind and not any(content[end : len(content)].strip(b"\0")) and result.quarantine.is_empty():
            continue  # nothing but zeros behind the end is missing
        assert set(result.records["text"]) <= whole
        assert result.quarantine["reason"][-1] in ("partial", "unreadable", "bad_json")
        kept.add(result.records["file"].n_unique())
    assert kind or kept >= {1, 2, 3}


def test_a_tar_that_is_broken_in_the_middle_says_so(file: Path):
    """The library takes any broken header for the end of the archive."""
    content = bytearray(tarred_files(dict.fromkeys("abc", CONTENT)))
    second = content.find(b"b\0\0\0")
    content[second] = ord("x")
    file.write_bytes(content)
    result = read_source(file)
    assert result.records["file"].unique().to_list() == [f"{file.name}/a"]
    assert result.quarantine.select("item", "reason").rows() == [("after 1", "partial")]


def test_a_tar_of_too_many_members_or_too_long_names_is_read_in_part(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tarred, "MAX_MEMBERS", 2)
    file.write_bytes(tarred_files(dict.fromkeys("abc", CONTENT)))
    result = read_source(file)
    assert (result.records.height, result.quarantine["reason"].to_list()) == (1000, ["partial"])
    file.write_bytes(tarred_files({"a": CONTENT, "b" * 2_000_000: CONTENT}))
    result = read_source(file)
    assert (result.records.height, result.quarantine["reason"].to_list()) == (500, ["partial"])


def test_a_locked_member_is_refused(file: Path):
    content = bytearray(zipped_files({"a": CONTENT, "b": CONTENT}))
    local, central = content.find(b"PK\x03\x04"), content.find(b"PK\x01\x02")
    content[local + 6] |= 1
    content[central + 8] |= 1
    file.write_bytes(bytes(content))
    result = read_source(file)
    assert result.quarantine["reason"].to_list() == ["encrypted"]
    assert result.records.height == 500


def test_archives_that_cannot_be_read_say_what_to_do(file: Path):
    for content, advice in (
        (gzip.compress(zipped_files({"a": CONTENT})), "unpack it once"),
        (b"\0" * 257 + b"ustar\x0000" + b"\0" * 1000, "tar archive; get it again"),
        (gzip.compress(b"\0" * 257 + b"ustar\x0000" + b"\0" * 1000), "tar archive; get it again"),
        (zipped_files({}), "holds no files"),
        (tarred_files({".hidden": b"x"}), "holds no files"),
    ):
        file.write_bytes(content)
        with pytest.raises(InputError, match=advice):
            read_source(file)


def bomb(kind: str) -> bytes:
    line = b'{"id": "1", "text": "' + b"a" * 1000 + b'"}\n'
    content = line * 200_000
    if kind == "zip":
        return zipped_files({"a": content})
    if kind == "tar.gz":
        return gzip.compress(tarred_files({"a": content}))
    return COMPRESSORS[kind](content)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar.gz", *COMPRESSORS])
def test_a_bomb_is_a_clear_error_in_little_memory_and_leaves_nothing(file: Path, kind: str):
    """200 MB out of less than one; the members of an archive share what it may unpack to."""
    file.write_bytes(bomb(kind))
    assert file.stat().st_size < 1_000_000
    before = set(Path(tempfile.gettempdir()).iterdir())
    said, memory = read_apart(file)
    assert ("unreadable" if kind in ("zip", "tar.gz") else "times its size") in said
    assert memory < MOST_MEMORY
    assert {path for path in Path(tempfile.gettempdir()).iterdir() if "aufruf" in path.name} <= before


def test_members_share_what_an_archive_may_unpack_to(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpacking, "FREE_BYTES", 100_000)
    many = {f"{number}": b'{"text": "' + b"a" * 30_000 + b'"}\n' for number in range(10)}
    file.write_bytes(zipped_files(many))
    monkeypatch.setattr(unpacking, "MAX_RATIO", 1)
    result = read_source(file)
    assert (result.records.height, result.quarantine["reason"].to_list()) == (3, ["unreadable"] * 7)


@pytest.mark.parametrize("pack", [zipped_files, tarred_files])
def test_a_bomb_in_a_member_costs_the_archives_budget(
    file: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[dict[str, bytes]], bytes]
):
    """A small archive of small members, of which one unpacks to much."""
    monkeypatch.setattr(unpacking, "FREE_BYTES", 100_000)
    monkeypatch.setattr(unpacking, "MAX_RATIO", 10)
    bomb = gzip.compress(b'{"text": "' + b"a" * 3_000_000 + b'"}\n')
    file.write_bytes(pack({"a": CONTENT, "b": bomb, "c": b"id,text\n1,Noch eine\n"}))
    result = read_source(file)
    assert f"{file.name}/a" in result.records["file"]
    assert result.quarantine.filter(pl.col("file") == f"{file.name}/b")["reason"].to_list() == ["unreadable"]


def test_a_file_that_is_compressed_twice_is_not_unpacked_twice(file: Path):
    file.write_bytes(gzip.compress(gzip.compress(CONTENT)))
    with pytest.raises(InputError, match="binary file"):
        read_source(file)


def test_an_archive_of_too_many_members_is_refused_before_it_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    file.write_bytes(zipped_files({str(number): b"x" for number in range(20)}))
    monkeypatch.setattr(zipped, "MAX_MEMBERS", 19)
    with pytest.raises(InputError, match="20 members"):
        read_source(file)


def test_compressed_files_in_folders_are_read(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(gzip.compress(CONTENT))
    (folder / "b").write_bytes(zipped_files({"c": CONTENT}))
    (folder / "d").write_bytes(gzip.compress(CONTENT)[:-50])
    result = read_source(folder)
    assert result.records["file"].unique(maintain_order=True).to_list() == ["a", "b/c"]
    assert result.quarantine.select("file", "reason").rows() == [("d", "unreadable")]


def test_standard_input_is_read_like_a_file(workspace: Workspace, tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from aufruf.importing import import_paths; "
        "from aufruf.workspace import open_workspace; "
        "print(import_paths(open_workspace(Path(sys.argv[1])), [Path('-')]).counts()['new'])"
    )
    for content, new in ((gzip.compress(CONTENT), "500"), (CONTENT, "0")):
        command = [sys.executable, "-c", script, str(workspace.root)]
        done = subprocess.run(command, input=content, capture_output=True, check=True, cwd=tmp_path)
        assert done.stdout.decode().strip() == new
    assert set(workspace.store.read(RECORDS)["source"]) == {"stdin"}
    assert not list(workspace.cache.glob("stdin-*"))


@pytest.mark.parametrize("splits", [("train", "test"), ()])
def test_a_dataset_that_datasets_saved_is_read(workspace: Workspace, tmp_path: Path, splits: tuple[str, ...]):
    from datasets import Dataset, DatasetDict

    dataset = Dataset.from_list([{**line, "scores": [1, 2]} for line in LINES[:10]])
    saved = DatasetDict(dict.fromkeys(splits, dataset)) if splits else dataset
    saved.save_to_disk(tmp_path / "corpus")
    result = read_source(tmp_path / "corpus")
    assert result.records["file"].unique(maintain_order=True).to_list() == list(splits or ("corpus",))
    assert result.records.height == 10 * max(1, len(splits))
    assert import_paths(workspace, [tmp_path / "corpus"]).new == 10


def test_of_a_folder_for_datasets_the_data_files_are_read(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("---\nlicense: cc0-1.0\n---\nEin Datensatz.\n")
    (tmp_path / "dataset_infos.json").write_text("{}")
    pl.DataFrame(LINES).write_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(CONTENT))
    result = read_source(tmp_path, "huggingface")
    assert set(result.records["file"]) == {"data/train-00000-of-00001.parquet", "test.jsonl.gz"}
    assert result.read == 1000


def test_a_damaged_dataset_is_an_error(tmp_path: Path):
    from datasets import Dataset

    Dataset.from_list(LINES).save_to_disk(tmp_path / "corpus")
    (part,) = (tmp_path / "corpus").glob("*.arrow")
    part.write_bytes(part.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        read_source(tmp_path / "corpus")


def test_a_dataset_of_the_hub_that_cannot_be_fetched_is_a_clear_error(tmp_path: Path):
    """The suite runs offline."""
    with pytest.raises(InputError, match="the hub cannot be reached"):
        read_source(Path("nobody/no-such-dataset"), "huggingface")
    with pytest.raises(InputError, match="no folder of a dataset"):
        read_source(tmp_path / "missing", "huggingface")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_stands_before_the_cut_of_a_file_in_a_folder_is_kept(tmp_path: Path, form: str):
    lines = [
        f"Treffen Nummer {number} am Ufer, kommt alle {number * 7919 % 1009}" for number in range(40_000)
    ]
    rows = [json.dumps({"id": n, "text": line}) for n, line in enumerate(lines)]
    if form == "csv":
        rows = ["id,text", *(f'{n},"{line}"' for n, line in enumerate(lines))]
    whole = gzip.compress("\n".join(rows).encode())
    (tmp_path / f"p.{form}.gz").write_bytes(whole[: len(whole) * 3 // 4])
    found = read_source(tmp_path)
    assert found.records.height > 5_000
    assert found.records["text"].to_list()[:5_000] == lines[:5_000]
    assert "unreadable" in found.quarantine["reason"].to_list()
