"""Pages, feeds and web archives: what harms, what is cut, what lies on the disk. Cases lie in folders."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import socket
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aufruf.articles import excerpts
from aufruf.clustering import clustered
from aufruf.errors import InputError
from aufruf.importing import import_paths
from aufruf.records import Origin, records_from_items
from aufruf.sources.feed import read_feed
from aufruf.sources.fields import FieldMap
from aufruf.sources.inflating import Inflated
from aufruf.sources.markup import MAX_ELEMENTS
from aufruf.sources.pages import decoded, page_of
from aufruf.sources.reading import placed, read_source
from aufruf.sources.warc import read_warc
from aufruf.tables import CLUSTERS, DUPLICATES, RECORDS
from aufruf.text import normalise_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from aufruf.workspace import Workspace

CASES = Path(__file__).parent / "cases"
ARTICLE = CASES / "news-html" / "german_article" / "input.html"
ARCHIVE = (CASES / "warc" / "each_kind_of_record" / "input.warc").read_bytes()
REAL = Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not REAL.exists(), reason="the real data is not here")
PROSE = "Der Rat von Hollbruck hat lange getagt, und am Ende gingen alle nach Hause, ohne zu wissen warum. "


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a test tried to connect to; nothing is."""
    tried: list[object] = []

    def refuse(_socket: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


def refusals(content: bytes) -> tuple[int, Counter[str]]:
    batches = list(read_warc(io.BytesIO(content), "a.warc", FieldMap()))
    return sum(b.items.height for b in batches), Counter(r.reason for b in batches for r in b.refusals)


def feed_of(content: bytes) -> list[dict[str, str]]:
    return [item for b in read_feed(io.BytesIO(content), "a.xml", FieldMap()) for item in b.items.to_dicts()]


def entry(description: str, before: str = "") -> bytes:
    item = f"<item><title>Damm</title><description>{description}</description></item>"
    feed = f'<rss version="2.0"><channel><title>Blatt</title>{item}</channel></rss>'
    return f'<?xml version="1.0"?>{before}{feed}'.encode()


def test_a_page_becomes_excerpts_without_its_residue(workspace: Workspace):
    report = import_paths(workspace, [ARTICLE], source="blatt")
    records = workspace.store.read(RECORDS).sort("excerpt_start")
    assert (report.read, report.kept, report.quarantined) == (1, 1, {})
    assert any("1 read_also" in note for note in report.notes)
    assert not any("Lesen Sie auch" in text for text in records["text"])
    assert "Lind" not in "".join(map(str, records.rows()))
    assert set(records["outlet"]) == {"Blatt für Hollbruck"}
    assert set(records["teaser"]) == {"Die Sitzung dauerte bis Mitternacht. Am Ende blieb alles offen."}
    assert str(records["created_at"][0]) == "2031-03-04 17:30:00+00:00"
    threat = records.filter(records["text"].str.contains("Wir kommen wieder")).row(0, named=True)
    assert (threat["reporting_cue"], threat["indirect_speech"]) == ("rief", True)
    assert [threat["text"][q["start"] : q["end"]] for q in threat["quotes"]] == [
        "Wir kommen wieder, und dann wird es laut"
    ]


def test_excerpts_of_a_page_are_slices_of_its_article_and_leave_out_residue_alone():
    page = page_of(ARTICLE.read_bytes())
    assert page is not None
    article = normalise_text(page.text)
    cut = excerpts(article)
    parts = sorted([*cut.excerpts, *(line[:2] for line in cut.residue)])
    assert "".join(article[start:end] for start, end in parts).replace(" ", "") == article.replace(
        "\n", ""
    ).replace(" ", "")


def article_page(body: str, head: str = "") -> str:
    page = page_of(
        f"<html><head>{head}</head><body><article><p>{PROSE}</p>{body}<p>{PROSE}</p></article>".encode()
    )
    assert page is not None
    return page.text


def test_headings_that_are_nothing_but_a_link_lead_to_other_articles():
    text = article_page('<h2><a href="/x">Was der Wirt sagt</a></h2><h2>Der Streit geht weiter</h2>')
    assert "Was der Wirt sagt" not in text
    assert "Der Streit geht weiter" in text


def test_the_row_of_a_table_is_a_line():
    rows = "<tr><td>Damm</td><td>4 Meter</td></tr><tr><td>Tor</td><td>2 Meter</td></tr>"
    assert "\nDamm | 4 Meter\nTor | 2 Meter\n" in article_page(f"<table>{rows}</table>")


def test_the_outlet_is_what_the_page_calls_its_site_and_stands_in_no_headline():
    publisher = '{"@type": "NewsArticle", "publisher": {"@type": "Organization", "name": "Verlag GmbH"}}'
    page = page_of(
        f"""<html><head><title>Rat vertagt sich | Blatt für Hollbruck</title>
        <meta property="og:site_name" content="Blatt für Hollbruck">
        <meta property="og:title" content="Rat vertagt sich | Blatt für Hollbruck">
        <script type="application/ld+json">{publisher}</script></head>
        <body><p>{PROSE}</p></body></html>""".encode()
    )
    assert page is not None
    assert (page.title, page.outlet) == ("Rat vertagt sich", "Blatt für Hollbruck")


def test_a_page_that_names_no_site_is_of_its_host_not_of_its_publishing_firm():
    publisher = '{"@type": "NewsArticle", "publisher": {"@type": "Organization", "name": "Verlag GmbH"}}'
    address = '<link rel="canonical" href="https://www.blatt.example/1">'
    head = f'{address}<script type="application/ld+json">{publisher}</script>'
    page = page_of(f"<html><head>{head}</head><body><p>{PROSE}</p></body></html>".encode())
    assert page is not None
    assert page.outlet == "blatt.example"


def test_a_page_of_too_many_elements_is_not_looked_through():
    started = time.process_time()
    assert page_of(f"<html><body><p>{PROSE}</p>{'<br>' * MAX_ELEMENTS}</body></html>".encode()) is None
    assert time.process_time() - started < 2


def test_lines_that_recur_in_an_import_are_left_out_of_every_article(workspace: Workspace, tmp_path: Path):
    folder = tmp_path / "blatt"
    folder.mkdir()
    box = "Das Neueste aus Hollbruck jeden Morgen um sechs"
    for number in range(6):
        own = f"Am Tag {number} tagte der Rat von Hollbruck im Saal {chr(65 + number)}, und es gab Streit."
        (folder / f"{number}.txt").write_text(f"{own}\n{box}\nDanach gingen {chr(65 + number)} und B heim.\n")
    report = import_paths(workspace, [folder], source="blatt")
    assert "lines of articles left out as residue: 6 recurring" in report.notes
    assert box not in set(workspace.store.read(RECORDS)["text"])
    assert report.records == 12


def test_copies_of_an_agency_text_are_one_cluster_for_each_excerpt():
    body = "\n".join(
        f"Am {day}. Mai hat der Rat von Hollbruck zum {day}. Mal über den Damm gestritten, der seit {day} "
        f"Jahren nicht fertig wird. Nach Angaben der Stadt fehlen noch {day * 7} Steine und {day} Schrauben."
        for day in range(1, 6)
    )
    copies = [
        (
            "blatt",
            "Damm: Streit ohne Ende",
            f"{body}\nDie Redaktion hat diesen Beitrag gekürzt und mit eigenen Fotos versehen.",
        ),
        (
            "post",
            "Hollbruck kommt nicht weiter",
            f"{body}\nMehr zum Rat lesen Abonnenten am Samstag in der großen Beilage.",
        ),
    ]
    made = [
        records_from_items(article_items(text, title), origin(outlet)).records
        for outlet, title, text in copies
    ]
    every = made[0].vstack(made[1]).select("record_id", "text")
    clusters, _ = clustered(every, CLUSTERS.empty(), DUPLICATES.empty())
    sizes = Counter(clusters["cluster"])
    assert sorted(sizes.values()) == [1, 1, *[2] * (len(sizes) - 2)]
    assert len(sizes) >= 7


def article_items(text: str, title: str):
    from aufruf.sources.items import Collected

    gathered = Collected(rows=[("1", text, title)])
    return placed("a", gathered.take(("text", "title"), "news"))


def origin(outlet: str) -> Origin:
    from aufruf.secrets import Secret

    return Origin(outlet, "import-1", Secret("k" * 64), (), outlet=outlet)


def test_nothing_is_fetched(offline: list[object], tmp_path: Path):
    page = ARTICLE.read_text("utf-8").replace(
        "<head>",
        '<head><base href="http://127.0.0.1:9/"><script src="x.js"></script><link href="feed">',
    )
    dtd = '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd">'
    for name, content in {"a": page.encode(), "b": entry("Der Damm hält.", dtd), "c": ARCHIVE}.items():
        (tmp_path / name).write_bytes(content)
        assert read_source(tmp_path / name).records.height
    assert page_of(b"http://127.0.0.1:9/") is None
    assert offline == []


@pytest.mark.parametrize("content", [b"/etc/hostname", b"http://127.0.0.1:9/feed", __file__.encode()])
def test_a_feed_that_is_a_name_or_an_address_is_not_opened(content: bytes, offline: list[object]):
    with pytest.raises(InputError, match="not a feed"):
        feed_of(content)
    assert offline == []


def test_an_entity_of_a_feed_reads_no_file(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("geheim")
    dtd = f'<!DOCTYPE rss [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
    assert "geheim" not in str(feed_of(entry("&a; und mehr", dtd)))


def test_a_feed_with_an_entity_bomb_takes_no_time_and_stays_small():
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    wide = f'<!ENTITY b "{"x" * 100_000}">'
    feed_of(entry("warm"))
    started = time.process_time()
    for found in (
        entry("&a9;", f"<!DOCTYPE rss [{laughs}]>"),
        entry("&b;" * 9_000, f"<!DOCTYPE rss [{wide}]>"),
    ):
        assert len(str(feed_of(found))) < 1_000_000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "content",
    [
        "<div>" * 20_000,
        "<p>" * 20_000,
        f"<p>{PROSE}" * 3_000,
        "<table><tr><td>" * 5_000,
        f"<p>{'x' * 900_000}",
        "<a href='#'>x</a>" * 20_000,
        '<meta property="og:title" content="' + '"a' * 100_000,
        '"datePublished":"' * 50_000,
    ],
    ids=lambda content: content[:20],
)
def test_a_page_made_to_be_slow_is_not(content: str):
    page_of(f"<html><body><p>{PROSE}</p></body></html>".encode())
    started = time.process_time()
    page_of(f"<html><body>{content}</body></html>".encode())
    assert time.process_time() - started < 6


@given(st.binary(max_size=300))
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_a_page_or_none(content: bytes):
    for around in (content, b"<html><body><p>" + PROSE.encode() + content):
        page = page_of(around)
        assert page is None or page.text.strip()


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("Tür".encode(), None),
        ("\ufeffTür".encode(), "latin-1"),
        ("Tür".encode("utf-16"), None),
        ('<meta charset="iso-8859-1">Tür'.encode("latin-1"), None),
        ("Tür".encode("cp1252"), None),
        ("Tür".encode("cp1252"), "iso-8859-1"),
        ('<meta charset="utf-8">Tür'.encode("cp1252"), None),
        ("Tür".encode("cp1252"), "no-such-charset"),
    ],
)
def test_a_page_is_decoded_by_what_is_said_of_it_and_by_what_it_is(content: bytes, charset: str | None):
    assert decoded(content, charset).endswith("Tür")


def compressed() -> bytes:
    return gzip.compress(ARCHIVE[:2_000], mtime=0) + gzip.compress(ARCHIVE[2_000:], mtime=0)


@pytest.mark.parametrize("content", [ARCHIVE, compressed()], ids=["plain", "gzip"])
def test_an_archive_cut_anywhere_is_an_error_or_partial(content: bytes):
    whole = refusals(content)
    for cut in range(1, 100):
        length = len(content) * cut // 100
        try:
            items, reasons = refusals(content[:length])
        except InputError:
            assert length < 300
        else:
            between = length < len(ARCHIVE) and ARCHIVE[:length].endswith(b"\r\n\r\n") and content is ARCHIVE
            assert reasons["partial"] or between
            assert items <= whole[0]


def test_an_archive_flipped_anywhere_keeps_no_page_that_is_not_as_its_digest_says():
    start = ARCHIVE.index(b"Der alte Steg")
    for offset in range(0, 200, 7):
        flipped = bytearray(ARCHIVE)
        flipped[start + offset] ^= 1
        assert refusals(bytes(flipped))[1]["bad_digest"] == 2


def test_an_archive_cut_behind_a_header_is_partial():
    assert refusals(ARCHIVE[: ARCHIVE.index(b"\r\n\r\n") + 4])[1] == Counter(not_a_response=1, partial=1)


def test_an_archive_damaged_within_is_partial():
    content = bytearray(compressed())
    content[len(content) // 2] ^= 0xFF
    items, reasons = refusals(bytes(content))
    assert reasons["partial"] == 1
    assert items < refusals(ARCHIVE)[0]


def test_a_gzip_stream_is_read_as_far_as_it_goes():
    content = compressed()
    stream = Inflated(io.BytesIO(content))
    assert b"".join(iter(lambda: stream.read(700), b"")) == ARCHIVE
    assert not stream.damaged
    broken = Inflated(io.BytesIO(content[:-300]))
    read = b"".join(iter(broken.read, b""))
    assert ARCHIVE.startswith(read)
    assert len(read) > 2_000
    assert broken.damaged
    corrupt = bytearray(content)
    corrupt[len(corrupt) // 2] ^= 0xFF
    flipped = Inflated(io.BytesIO(bytes(corrupt)))
    assert b"".join(iter(flipped.read, b"")) != ARCHIVE
    assert flipped.damaged


def test_an_archive_that_inflates_without_end_is_refused_in_little_memory():
    bomb = gzip.compress(b"<html>" + b"a" * 60_000_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n" + bomb
    record = (
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nContent-Length: %d\r\n\r\n"
    )
    assert refusals(record % len(answer) + answer + b"\r\n\r\n") == (0, Counter(too_long=1))
    header = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 99999999999\r\n\r\n"
    assert refusals(gzip.compress(header + bytes(60_000_000)))[1] == Counter(too_long=1, partial=1)


def test_no_message_of_an_archive_repeats_what_stands_in_it():
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: canary <4711>\r\n\r\nx"
    head = b"WARC/1.0\r\nWARC-Type: canary 4711\r\nContent-Length: 1\r\n\r\nx\r\n\r\n"
    record = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %d\r\n\r\n" % len(answer)
    batches = list(read_warc(io.BytesIO(head + record + answer + b"\r\n\r\n"), "a", FieldMap()))
    assert "4711" not in str([batch.refusals for batch in batches])


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5"])
def test_digests_are_understood_in_base_32_and_16(name: str):
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>{PROSE}</p>".encode()
    raw = hashlib.new(name, answer).digest()
    for written in (raw.hex(), base64.b32encode(raw).decode()):
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Block-Digest: {name}:{written}\r\nContent-Length: "
        assert refusals(f"{head}{len(answer)}\r\n\r\n".encode() + answer + b"\r\n\r\n") == (1, Counter())


WARCS = {
    "example.warc.gz": (1, {"not_a_response": 4, "revisit": 1}),
    "example-bad.warc.gz.bad": (1, {"not_a_response": 3, "revisit": 1, "not_ok": 1}),
    "example-iana.org-chunked.warc": (1, {"not_a_response": 2}),
    "example-trunc.warc": (0, {"not_a_response": 2, "bad_digest": 1, "partial": 1}),
    "example-wrong-chunks.warc.gz": (1, {"not_a_response": 1}),
}


@real
@pytest.mark.parametrize("name", WARCS)
def test_each_record_of_a_real_archive_counts(name: str):
    result = read_source(REAL / "platforms" / "warc" / name)
    assert (result.records.height, dict(Counter(result.quarantine["reason"]))) == WARCS[name]


@real
@pytest.mark.parametrize(
    "file", sorted((REAL / "platforms" / "feeds").glob("*.xml")), ids=lambda file: file.name
)
def test_a_real_feed_is_read_or_refused(file: Path):
    if file.name == "rss_empty_document.xml":
        with pytest.raises(InputError, match="no feed"):
            read_source(file)
    else:
        assert read_source(file).read <= 1


@real
@pytest.mark.slow
def test_what_real_pages_must_and_must_not_hold_is_met_at_least_as_often_as_measured():
    met = Counter[str]()
    for expected in json.loads((REAL / "news" / "expected.json").read_text("utf-8")).values():
        page = page_of((REAL / "news" / expected["file"]).read_bytes())
        article = normalise_text(page.text) if page else ""
        text = "\n".join(article[start:end] for start, end in excerpts(article).excerpts)
        plain = " ".join(text.split())
        met["with"] += sum(" ".join(part.split()) in plain for part in expected["with"])
        met["without"] += sum(" ".join(part.split()) not in plain for part in expected["without"])
    assert met["with"] >= 216
    assert met["without"] >= 195


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_an_archive_is_read_however_it_is_packed_and_counted_where_gzip_breaks_off(
    pack: Callable[[bytes], bytes], tmp_path: Path
):
    file = tmp_path / "archive"
    file.write_bytes(pack(ARCHIVE))
    assert read_source(file).records.height == 4
    file.write_bytes(pack(ARCHIVE)[:-200])
    if pack is gzip.compress:
        assert Counter(read_source(file).quarantine["reason"])["partial"] == 1
    else:
        with pytest.raises(InputError, match="damaged"):
            read_source(file)
