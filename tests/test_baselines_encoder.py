"""Local encoders: taken as they are or fine-tuned, kept with the model, read from safetensors alone."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from aufruf.baselines.encoder import encoder_sha256, needed
from aufruf.baselines.examples import Examples, Target
from aufruf.baselines.model_files import ENCODER, load_model
from aufruf.baselines.recipes import load_recipe, with_encoder
from aufruf.baselines.runs import train
from aufruf.baselines.table_data import read_table
from aufruf.errors import InputError
from learnable import calls_and_others, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.baselines.table_data import Table


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return read_table(write_table(tmp_path, calls_and_others(90)), text="text", label="call")


def vocabulary(texts: list[str]) -> list[str]:
    letters = sorted({letter for text in texts for letter in text.lower() if letter.strip()})
    words = sorted({word for text in texts for word in text.lower().split() if word.isalpha()})
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *words,
        *letters,
        *(f"##{letter}" for letter in letters),
    ]


@pytest.fixture
def tiny(tmp_path: Path, table: Table) -> Path:
    """A random encoder of transformers, so small that a test can tune it."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    torch.manual_seed(0)
    words = tmp_path / "vocab.txt"
    words.write_text("\n".join(dict.fromkeys(vocabulary(table.examples.texts.to_list()))), "utf-8")
    tokenizer = transformers.BertTokenizerFast(str(words))
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    folder = tmp_path / "tiny"
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def answers(folder: Path, texts: Any) -> Any:
    model, _ = load_model(folder)
    return model.answer(Examples(texts, (), np.arange(len(texts))))["call"].scores


def test_an_encoder_as_it_is_goes_with_its_model(tmp_path: Path, table: Table, tiny: Path):
    recipe = with_encoder(load_recipe("embedding"), tiny)
    train(recipe, table, tmp_path / "model")
    first = answers(tmp_path / "model", table.examples.texts)
    tiny.rename(tmp_path / "elsewhere")
    np.testing.assert_array_equal(answers(tmp_path / "model", table.examples.texts), first)
    assert str(tmp_path) not in (tmp_path / "model" / "model.json").read_text()


def test_a_fine_tuned_encoder_learns_and_answers_after_loading_as_before(
    tmp_path: Path, table: Table, tiny: Path
):
    recipe = msgspec.structs.replace(
        with_encoder(load_recipe("finetune"), tiny), epochs=8, learning_rate=3e-3
    )
    report = train(recipe, table, tmp_path / "model")
    value = next(score.value for score in report.scores if score.metric == "macro_f1")
    assert value is not None
    assert value > 0.9
    again = train(recipe, table, tmp_path / "again")
    assert [score.value for score in again.scores] == [score.value for score in report.scores]
    assert not list((tmp_path / "model").rglob("*.bin"))
    codes = (answers(tmp_path / "model", table.examples.texts)[:, 1] >= 0.5).astype(int)
    assert (codes == table.examples.targets[0].codes).mean() > 0.9


def test_a_changed_encoder_is_not_loaded(tmp_path: Path, table: Table, tiny: Path):
    train(with_encoder(load_recipe("embedding"), tiny), table, tmp_path / "model")
    settings = tmp_path / "model" / ENCODER / "config.json"
    settings.write_text(settings.read_text() + " ")
    with pytest.raises(InputError, match=r"is not the encoder that model\.json names"):
        load_model(tmp_path / "model")


def test_several_answers_cannot_be_fine_tuned(tiny: Path):
    from aufruf.baselines.finetune import finetune
    from aufruf.baselines.model import no_step

    rows = calls_and_others(30)
    target = Target("kind", ("a", "b", "c"), np.arange(30) % 3)
    with pytest.raises(InputError, match="more than two answers; name one with --positive"):
        finetune(
            with_encoder(load_recipe("finetune"), tiny),
            Examples(rows["text"], (target,), np.arange(30)),
            seed=0,
            step=no_step,
        )


def test_weights_that_are_pickles_are_not_read(tmp_path: Path):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(InputError, match="weights that are pickles are not read"):
        encoder_sha256(tmp_path / "encoder")


def test_a_recipe_says_whether_it_takes_an_encoder(tmp_path: Path):
    with pytest.raises(InputError, match="name a local encoder with --encoder"):
        with_encoder(load_recipe("embedding"), None)
    with pytest.raises(InputError, match="takes no encoder"):
        with_encoder(load_recipe("hashed-svm"), tmp_path)


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_what_is_missing_is_named_with_how_to_get_it():
    with pytest.raises(InputError, match=r"this recipe needs torch: pip install 'aufruf\[finetune\]'"):
        needed("torch")
