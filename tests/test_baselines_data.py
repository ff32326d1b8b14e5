"""What baselines read: recipes, tables of many kinds, releases that are as they were released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aufruf.baselines.examples import NOT_ASKED, YES_NO, Examples, Target
from aufruf.baselines.features import prepare
from aufruf.baselines.folds import folds_of
from aufruf.baselines.recipes import list_recipes, load_recipe, recipe_names
from aufruf.baselines.release_data import examples_of, find_release, read_release
from aufruf.baselines.table_data import read_table
from aufruf.errors import InputError, SettingsError, WorkspaceError
from aufruf.sources.columns import read_columns

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.workspace import Workspace

ROWS = [("wir gehen heim", "1"), ("kommt; alle\nzum Rathaus", "0"), ("„schön“, sagte sie", "1")]


def test_every_shipped_recipe_is_valid_and_named_as_its_file():
    assert {"lexicon", "majority", "tfidf-logreg", "tfidf-svm", "voice-cues"} <= set(recipe_names())
    assert [recipe.name for recipe in list_recipes()] == recipe_names()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('title = "x"\nestimator = "majority"\ncolour = "red"', "unknown field `colour`"),
        ('title = "x"\nestimator = "oracle"', "oracle"),
        (
            'title = "x"\nestimator = "linear_svm"',
            r"needs \[words\], \[characters\], reads, knows or encoder",
        ),
        ('title = "x"\nestimator = "linear_svm"\nknows = "source"\nreads = ["cues"]', "reads no text"),
        ('title = "x"\nestimator = "linear_svm"\nregularisation = 0\n[words]\nngrams = [1, 2]', "> 0"),
        ('title = "x"\nestimator = "linear_svm"\n[words]\nngrams = [3, 2]', "shortest, longest"),
        ('title = "x"\nestimator = "linear_svm"\nclass_ratio = 1\n[words]\nngrams = [1, 2]', "hashed = true"),
        ("title = ", "not valid TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_file_and_key(tmp_path: Path, content: str, said: str):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=said) as error:
        load_recipe(str(path))
    assert str(path) in str(error.value)


def test_a_recipe_of_ones_own_is_named_by_its_file(tmp_path: Path):
    (tmp_path / "short.toml").write_text('title = "x"\nestimator = "linear_svm"\n[words]\nngrams = [1, 1]')
    assert load_recipe(str(tmp_path / "short.toml")).name == "short"


def test_an_unknown_recipe_is_told_which_there_are():
    with pytest.raises(InputError, match=r"choose one of .*lexicon, majority, .*tfidf-logreg, tfidf-svm"):
        load_recipe("tfidf")


def test_texts_are_prepared_alike_whether_masked_or_not_and_once_is_enough():
    raw = pl.Series(["@Amsel_7 komm  vorbei\r\nheute ", "@user_1a2b3c4d komm", "cafe\u0301", None])
    prepared = prepare(raw)
    assert prepared.to_list() == ["@user komm  vorbei\nheute", "@user komm", "café", None]
    assert prepare(prepared).to_list() == prepared.to_list()


def written(folder: Path, kind: str) -> Path:
    frame = pl.DataFrame(ROWS, schema=["text", "call"], orient="row")
    path = folder / f"table.{kind}"
    if kind == "parquet":
        frame.with_columns(pl.col("call") == "1").write_parquet(path)
    elif kind == "jsonl":
        frame.with_columns(pl.col("call").cast(pl.Int64)).write_ndjson(path)
    else:
        frame.write_csv(path, separator={"csv": ",", "semicolon.csv": ";", "tsv": "\t"}[kind])
    return path


@pytest.mark.parametrize("kind", ["csv", "semicolon.csv", "tsv", "jsonl", "parquet"])
def test_every_kind_of_table_is_read_alike(tmp_path: Path, kind: str):
    table = read_table(written(tmp_path, kind), text="text", label="call")
    assert table.examples.texts.to_list() == [text for text, _ in ROWS]
    assert table.examples.targets[0].codes.tolist() == [1, 0, 1]
    assert table.examples.targets[0].classes == YES_NO
    assert (table.read, table.left_out) == (3, {"no_text": 0, "no_answer": 0})


def test_ids_of_64_bits_stay_as_they_are_written(tmp_path: Path):
    path = tmp_path / "ids.csv"
    path.write_text("id;text\n9223372036854775809;eins\n0042;zwei\n")
    assert read_columns(path)["id"].to_list() == ["9223372036854775809", "0042"]


def test_a_table_in_windows_encoding_is_read(tmp_path: Path):
    path = tmp_path / "old.csv"
    path.write_bytes("text;call\nschön war's;ja\nübel;nein\n".encode("cp1252"))
    assert read_table(path, text="text", label="call").examples.texts.to_list() == ["schön war's", "übel"]


def test_rows_without_a_text_or_an_answer_are_left_out_and_counted(tmp_path: Path):
    path = tmp_path / "gaps.csv"
    path.write_text("text,call\neins,1\n,0\nzwei,\ndrei,0\n   ,1\n")
    table = read_table(path, text="text", label="call")
    assert (table.read, len(table.examples)) == (5, 2)
    assert table.left_out == {"no_text": 2, "no_answer": 1}


def labelled(folder: Path, answers: list[str]) -> Path:
    path = folder / "labelled.csv"
    rows = [f"text {number},{answer}" for number, answer in enumerate(answers)]
    path.write_text("\n".join(["text,call", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("answers", "positive", "yes"),
    [
        (["TRUE", "FALSE", "TRUE"], None, "TRUE"),
        (["nein", "ja", "nein"], None, "ja"),
        (["1", "0", "1"], None, "1"),
        (["call", "none", "call"], "call", "call"),
        (["call", "none", "wish"], "call", "call"),
        (["TRUE", "FALSE", "TRUE"], "true", "TRUE"),
    ],
)
def test_which_answer_means_yes_is_clear_or_said(
    tmp_path: Path, answers: list[str], positive: str | None, yes: str
):
    table = read_table(labelled(tmp_path, answers), text="text", label="call", positive=positive)
    assert table.positive == yes
    assert table.examples.targets[0].codes.tolist() == [int(answer == yes) for answer in answers]


def test_several_answers_make_a_head_of_several_classes(tmp_path: Path):
    table = read_table(labelled(tmp_path, ["b", "a", "c", "a"]), text="text", label="call")
    assert table.positive is None
    assert table.examples.targets[0].classes == ("a", "b", "c")
    assert table.examples.targets[0].codes.tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("answers", "options", "said"),
    [
        (["call", "none"], {}, "--positive"),
        (["1", "1"], {}, "1 different answers"),
        (["1", "0"], {"positive": "maybe"}, "no answer in column 'call' is 'maybe'"),
        (["1", "0"], {"label": "Call"}, "has no column 'Call'; its columns are text, call"),
        (["1", "0"], {"group": "author"}, "has no column 'author'"),
        ([str(number) for number in range(101)], {}, "has 101 different answers, at most 100"),
    ],
)
def test_a_table_that_cannot_be_learnt_is_refused_with_the_remedy(
    tmp_path: Path, answers: list[str], options: dict[str, Any], said: str
):
    with pytest.raises(InputError, match=said):
        read_table(labelled(tmp_path, answers), **{"text": "text", "label": "call", **options})


@pytest.mark.parametrize(
    "content", [b"", b"PAR1 but no more", b'{"text": "a"\n{"text":', b"a,b\n1,2,3\n1,2,3,4\n", b"\x00" * 500]
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(InputError):
        read_columns(tmp_path / "broken")


def test_a_missing_table_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        read_columns(tmp_path / "nowhere.csv")


def test_identical_texts_and_rows_of_one_group_are_one_unit(tmp_path: Path):
    """Rows 0 and 2 have one text, 2 and 3 one author, 4 stands alone, unknown authors tie nothing."""
    path = tmp_path / "groups.csv"
    path.write_text("text,call,author\na,1,\nb,0,x\na,1,y\nc,0,y\nd,1,\n")
    by_text = read_table(path, text="text", label="call").examples.units
    assert by_text.tolist() == [0, 1, 0, 2, 3]
    units = read_table(path, text="text", label="call", group="author").examples.units
    assert units[0] == units[2] == units[3]
    assert len(set(units.tolist())) == 3


def test_texts_that_differ_only_in_who_is_mentioned_are_identical(tmp_path: Path):
    path = tmp_path / "mentions.csv"
    path.write_text("text,call\n@amsel komm,1\n@drossel komm,0\n")
    assert read_table(path, text="text", label="call").examples.units.tolist() == [0, 0]


def test_folds_share_answers_out_and_part_no_unit(tmp_path: Path):
    path = tmp_path / "many.csv"
    rows = [f"text {number % 150},{int(number % 5 == 0)}" for number in range(200)]
    path.write_text("\n".join(["text,call", *rows]))
    examples = read_table(path, text="text", label="call").examples
    folds = folds_of(examples, 5, seed=1)
    held_out = np.concatenate([rows for _, rows in folds])
    assert sorted(held_out.tolist()) == list(range(200))
    for train, test in folds:
        assert not set(examples.units[train]) & set(examples.units[test])
        assert 6 <= examples.targets[0].codes[test].sum() <= 10


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=60),
    st.integers(2, 6),
    st.integers(0, 3),
)
def test_folds_of_any_units_are_as_even_as_the_largest_unit_allows(
    rows: list[tuple[int, int]], folds: int, seed: int
):
    units, codes = np.array(rows).T
    target = Target("a", ("x", "y", "z"), codes)
    examples = Examples(pl.Series(["text"] * len(rows)), (target,), units)
    most_units = max(len(set(units[codes == code])) for code in range(3))
    if most_units < folds:
        with pytest.raises(InputError, match="are too few"):
            folds_of(examples, folds, seed)
        return
    found = folds_of(examples, folds, seed)
    assert sorted(np.concatenate([held for _, held in found]).tolist()) == list(range(len(rows)))
    for train, held in found:
        assert sorted([*train, *held]) == list(range(len(rows)))
        assert not set(units[train]) & set(units[held])


@given(st.lists(st.integers(0, 2), min_size=30, max_size=90), st.integers(2, 6), st.integers(0, 3))
def test_where_every_text_is_a_unit_no_fold_has_two_more_of_an_answer_than_another(
    answers: list[int], folds: int, seed: int
):
    codes = np.array(answers)
    target = Target("a", ("x", "y", "z"), codes)
    examples = Examples(pl.Series(["text"] * len(codes)), (target,), np.arange(len(codes)))
    found = folds_of(examples, folds, seed)
    for of_all in (codes >= 0, codes == 0, codes == 1, codes == 2):
        shares = [int(of_all[held].sum()) for _, held in found]
        assert max(shares) - min(shares) <= 1


def test_texts_without_an_answer_are_shared_out_too():
    target = Target("a", YES_NO, np.array([NOT_ASKED, 1, 0] * 10))
    examples = Examples(pl.Series(["text"] * 30), (target,), np.arange(30))
    held_out = [held for _, held in folds_of(examples, 5, 0)]
    assert sorted(np.concatenate(held_out).tolist()) == list(range(30))
    assert all((target.codes[held] == code).sum() == 2 for held in held_out for code in (0, 1))


def test_fewer_positive_texts_than_folds_are_refused(tmp_path: Path):
    path = labelled(tmp_path, ["1", "0", "0", "1", "0", "0", "0"])
    examples = read_table(path, text="text", label="call").examples
    with pytest.raises(InputError, match="2 different texts with the answer 'yes' are too few for 5 folds"):
        folds_of(examples, 5, seed=0)


def test_a_release_is_read_with_two_heads_a_label_and_null_stays_not_asked(filled_release: Path):
    release = read_release(filled_release, ("train", "test"))
    train = release.splits["train"]
    rows = pl.read_parquet(filled_release / "data" / "train-*.parquet").drop_nulls("text")
    assert len(train) == rows.height
    names = release.scheme.label_names
    assert [target.name for target in train.targets] == [
        f"{name}_{side}" for side in ("author", "contained") for name in names
    ]
    for target in train.targets:
        column = rows[target.name]
        expected = [NOT_ASKED if value is None else int(value) for value in column]
        assert target.codes.tolist() == expected
    assert any((target.codes == NOT_ASKED).any() for target in train.targets)
    assert train.languages is not None
    assert train.languages.tolist() == rows["language"].to_list()
    assert len(set(train.units.tolist())) == rows["group"].n_unique()
    assert not train.texts.str.contains("@user_").any()


def test_weights_are_relative_and_an_unknown_one_counts_as_the_mean(filled_release: Path):
    scheme = read_release(filled_release, ("test",)).scheme
    rows = pl.read_parquet(filled_release / "data" / "train-*.parquet").head(3)
    weights = pl.Series("weight", [2.0, 6.0, None])
    assert examples_of(rows.with_columns(weights), scheme).weights == pytest.approx([0.5, 1.5, 1.0])
    unknown = pl.Series("weight", [None] * 3, dtype=pl.Float64)
    assert examples_of(rows.with_columns(unknown), scheme).weights is None


@pytest.mark.parametrize(
    "name", ["data/test-00000-of-00001.parquet", "docs/label_scheme.toml", "MANIFEST.json"]
)
def test_a_release_with_a_flipped_byte_is_refused_and_the_file_named(filled_release: Path, name: str):
    path = filled_release / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path.name}.*not as it was"):
        read_release(filled_release, ("test",))


def test_a_release_without_one_of_its_files_is_refused(filled_release: Path):
    (filled_release / "data" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match="not as it was released"):
        read_release(filled_release, ("test",))
    with pytest.raises(InputError, match="not a release"):
        read_release(filled_release.parent, ("test",))


def test_the_newest_release_is_found_and_a_missing_one_named(released_workspace: Workspace):
    assert find_release(released_workspace).name == "0.1.0"
    assert find_release(released_workspace, "0.1.0").name == "0.1.0"
    with pytest.raises(WorkspaceError, match=r"no release 9.0.0 here \(releases: 0.1.0\)"):
        find_release(released_workspace, "9.0.0")


def test_without_a_release_it_is_said_how_to_make_one(workspace: Workspace):
    with pytest.raises(WorkspaceError, match="`aufruf export` makes one"):
        find_release(workspace)
