"""Local encoders as features: model2vec, sentence-transformers or transformers folders, and fine-tuning.

Nothing is fetched, no code of a folder is run, and weights are read from safetensors alone. torch and its
company are extras (``aufruf[embedding]``, ``aufruf[finetune]``): they are imported here, when needed.
"""

from __future__ import annotations

import hashlib
import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from aufruf.errors import InputError
from aufruf.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aufruf.baselines.examples import Reals

_KINDS = (".json", ".jinja", ".md", ".model", ".safetensors", ".txt", ".vocab")
"""Files of an encoder: settings, word lists and weights. Nothing that runs when it is read."""
_AT_ONCE = 64


class LocalEncoder(TransformerMixin, BaseEstimator):
    """Texts as vectors of an encoder in a local folder.

    Args:
        folder: what `save_pretrained` of model2vec, sentence-transformers or transformers wrote. Of
            plain transformers the vectors of a text's tokens are averaged.
        longest: tokens of a text that are read.
    """

    def __init__(self, folder: str, longest: int = 128) -> None:
        self.folder = folder
        self.longest = longest

    def fit(self, texts: Sequence[str], answers: Any = None) -> LocalEncoder:
        """Do nothing: the encoder is given."""
        del texts, answers
        return self

    def transform(self, texts: Sequence[str]) -> Reals:
        """Return the vectors, shape (n_texts, width), float32."""
        folder = Path(self.folder)
        if _kind(folder) == "model2vec":
            return needed("model2vec").StaticModel.from_pretrained(folder).encode(list(texts))
        if _kind(folder) == "sentence-transformers":
            encoder: Any = needed("sentence_transformers").SentenceTransformer(
                self.folder, device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
            )
            if np.isfinite(encoder.max_seq_length or 0):  # static vectors have no longest text
                encoder.max_seq_length = self.longest
            return encoder.encode(list(texts), batch_size=_AT_ONCE, show_progress_bar=False)
        tokenizer, model = load_encoder(folder, "AutoModel")
        return averaged(tokenizer, model, texts, self.longest)

    def save(self, folder: Path) -> None:
        """Copy the encoder's files."""
        for path in encoder_files(Path(self.folder)):
            target = folder / path.relative_to(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def needed(name: str) -> Any:
    """Import an optional package.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        extra = "embedding" if name in {"model2vec", "sentence_transformers"} else "finetune"
        raise InputError(f"this recipe needs {name}: pip install 'aufruf[{extra}]'") from error


def encoder_files(folder: Path) -> list[Path]:
    """Return the files of an encoder that are read, sorted.

    Raises:
        InputError: if it holds no weights as safetensors.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _KINDS)
    if not any(path.suffix == ".safetensors" for path in found):
        raise InputError(
            f"{folder}: no encoder here: expected a local folder with weights as .safetensors, as "
            "`save_pretrained` writes it (weights that are pickles are not read: they run code)"
        )
    return found


def encoder_sha256(folder: Path) -> str:
    """Return the hash of an encoder: of the names and contents of its files."""
    whole = hashlib.sha256()
    for path in encoder_files(folder):
        whole.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\0".encode())
    return whole.hexdigest()


def load_encoder(folder: Path, auto_class: str, **settings: Any) -> tuple[Any, Any]:
    """Return tokenizer and model of a transformers folder, offline, on the processor."""
    transformers = needed("transformers")
    needed("torch")
    encoder_files(folder)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = getattr(transformers, auto_class).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, **settings
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: transformers cannot read this encoder") from error
    return tokenizer, model


def averaged(tokenizer: Any, model: Any, texts: Sequence[str], longest: int) -> Any:
    """Return the mean of the last layer's vectors of each text's tokens."""
    torch = needed("torch")
    model.eval()
    parts: list[Any] = []
    with torch.no_grad():
        for start in range(0, len(texts), _AT_ONCE):
            batch = tokenizer(
                list(texts[start : start + _AT_ONCE]),
                padding=True,
                truncation=True,
                max_length=longest,
                return_tensors="pt",
            )
            parts.append(mean_of_tokens(model(**batch).last_hidden_state, batch["attention_mask"]).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, model.config.hidden_size), np.float32)


def mean_of_tokens(vectors: Any, attention: Any) -> Any:
    """Return the mean over the tokens that count, shape (n_texts, width)."""
    weights = attention.unsqueeze(-1).to(vectors.dtype)
    return (vectors * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def _kind(folder: Path) -> str:
    encoder_files(folder)
    described = [folder / name for name in ("modules.json", "config.json")]
    texts = {path.name: path.read_text("utf-8") for path in described if path.is_file()}
    if "StaticEmbedding" in texts.get("modules.json", "") or "model2vec" in texts.get("config.json", ""):
        return "model2vec"
    return "sentence-transformers" if "modules.json" in texts else "transformers"
