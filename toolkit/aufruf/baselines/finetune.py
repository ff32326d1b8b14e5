"""Fine-tune a local encoder: one linear head a question on the mean of its vectors, all questions at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from aufruf.baselines.encoder import LocalEncoder, averaged, load_encoder, mean_of_tokens, needed
from aufruf.baselines.heads import Head
from aufruf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aufruf.baselines.examples import Examples, Reals, Target
    from aufruf.baselines.recipes import Recipe

_AT_ONCE = 16
_MOST_WEIGHT = 20.0
"""An answer weighs at most so many times the other one."""


class TunedEncoder(LocalEncoder):
    """A fine-tuned encoder in memory; `save` writes it as a folder that `LocalEncoder` reads."""

    def __init__(self, tokenizer: Any, model: Any, longest: int) -> None:
        super().__init__("", longest)
        self.tokenizer = tokenizer
        self.model = model

    def transform(self, texts: Sequence[str]) -> Reals:
        """Return the vectors, shape (n_texts, width), float32."""
        return averaged(self.tokenizer, self.model, list(texts), self.longest)

    def save(self, folder: Path) -> None:
        """Write the encoder."""
        self.tokenizer.save_pretrained(folder)
        self.model.save_pretrained(folder)


def finetune(
    recipe: Recipe, examples: Examples, *, seed: int, step: Callable[[str, int, int], None]
) -> tuple[TunedEncoder, tuple[Head, ...]]:
    """Fine-tune an encoder on yes/no questions; a question counts for the texts that it was asked of.

    Returns:
        The encoder, and heads that are the linear layer's weights.

    Raises:
        InputError: if a question has more than two answers, or the encoder cannot be read.
    """
    torch = needed("torch")
    several = [target.name for target in examples.targets if not target.is_yes_no]
    if several:
        raise InputError(f"column {several[0]!r} has more than two answers; name one with --positive")
    torch.manual_seed(seed)
    tokenizer, encoder = load_encoder(Path(recipe.encoder_folder), "AutoModel")
    layer = torch.nn.Linear(encoder.config.hidden_size, len(examples.targets))
    parameters = [*encoder.parameters(), *layer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.01)
    texts, answers, costs = examples.texts.to_list(), *_answers(examples, balanced=recipe.balanced)
    batches = -(-len(texts) // _AT_ONCE)
    total, done = recipe.epochs * batches, 0
    rng = np.random.default_rng(seed)
    warming = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_pace, total))
    encoder.train()
    for _ in range(recipe.epochs):
        for rows in np.array_split(rng.permutation(len(texts)), batches):
            said = layer(_vectors(tokenizer, encoder, [texts[row] for row in rows], recipe.longest))
            optimizer.zero_grad()
            _loss(said, answers[rows], costs[rows]).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            warming.step()
            done += 1
            step("fine-tuning", done, total)
    weights, intercepts = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    heads = tuple(
        _head(target, weights[place], intercepts[place]) for place, target in enumerate(examples.targets)
    )
    return TunedEncoder(tokenizer, encoder, recipe.longest), heads


def _vectors(tokenizer: Any, encoder: Any, texts: list[str], longest: int) -> Any:
    batch = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
    return mean_of_tokens(encoder(**batch).last_hidden_state, batch["attention_mask"])


def _loss(said: Any, answers: Any, costs: Any) -> Any:
    """Return the mean cross-entropy of what was asked, each answer counting by its cost."""
    torch = needed("torch")
    counted = torch.from_numpy(costs)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        said, torch.from_numpy(answers), reduction="none"
    )
    return (losses * counted).sum() / counted.sum().clamp(min=1)


def _pace(total: int, n: int) -> float:
    """Return the share of the learning rate: up over the first tenth, then evenly down to nothing."""
    warm = max(total // 10, 1)
    return (n + 1) / warm if n < warm else max(0.0, (total - n) / max(total - warm, 1))


def _answers(examples: Examples, *, balanced: bool) -> tuple[Any, Any]:
    """Return answers and how much each counts, shape (n_texts, n_heads); not asked counts nothing."""
    codes = np.stack([target.codes for target in examples.targets], axis=1)
    costs = np.where(codes >= 0, 1.0, 0.0)
    if examples.weights is not None:
        costs *= examples.weights[:, None]
    if balanced:
        yes = (codes == 1).sum(axis=0)
        no = (codes == 0).sum(axis=0)
        costs = np.where(codes == 1, costs * np.clip(no / np.maximum(yes, 1), 1, _MOST_WEIGHT), costs)
    return (codes == 1).astype(np.float32), costs.astype(np.float32)


def _head(target: Target, weights: Any, intercept: Any) -> Head:
    estimator: Any = LogisticRegression()
    estimator.classes_ = np.array([0, 1])
    estimator.coef_ = weights.reshape(1, -1).astype(np.float64)
    estimator.intercept_ = np.array([float(intercept)])
    estimator.n_features_in_ = weights.size
    estimator.n_iter_ = np.array([1], dtype=np.int32)
    return Head(target.name, target.classes, estimator, 0.5, "default", target.counts)
