"""A linear support vector machine by dual coordinate descent: the objective of scikit-learn's LinearSVC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import class_weight as by_class

if TYPE_CHECKING:
    from aufruf.baselines.examples import Ints, Reals

_TOLERANCE = 0.1
"""Further passes change no score by more than some hundredths of the distance between the two borders."""
_MOST_PASSES = 1_000


class DualSvm(ClassifierMixin, BaseEstimator):
    """What scikit-learn's LinearSVC with its defaults minimises, sooner, on a csr matrix of float32.

    More than two answers are told apart one against the rest. It releases the interpreter's lock, and is
    the same for the same seed whatever else runs.

    Args:
        C: inverse of the penalty.
        class_weight: ``balanced`` to weigh all answers alike, None to weigh all texts alike.
        random_state: seed of the order of texts.
    """

    def __init__(self, C: float = 1.0, class_weight: str | None = None, random_state: int = 0) -> None:  # noqa: N803 -- scikit-learn's name
        self.C = C
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Ints, sample_weight: Reals | None = None) -> DualSvm:  # noqa: N803 -- scikit-learn's name
        """Fit to answers y, shape (n_rows,); a row counts by its sample_weight."""
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.classes_, codes = np.unique(y, return_inverse=True)
        of_class = cast("Any", by_class).compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=sample_weight
        )
        costs = self.C * of_class[codes] * weights
        sides = [1] if len(self.classes_) == 2 else range(len(self.classes_))  # noqa: PLR2004 -- yes and no
        found = np.stack([self._side(X, codes == side, costs) for side in sides])
        self.coef_, self.intercept_ = found[:, :-1].astype(np.float32), found[:, -1]
        return self

    def decision_function(self, X: Any) -> Reals:  # noqa: N803 -- scikit-learn's name
        """Return the distances from the borders, shape (n_rows,) or (n_rows, n_classes)."""
        distances = X @ self.coef_.T.astype(np.float64) + self.intercept_
        return distances[:, 0] if distances.shape[1] == 1 else distances

    def predict(self, X: Any) -> Ints:  # noqa: N803 -- scikit-learn's name
        """Return the answers."""
        distances = self.decision_function(X)
        places = distances.argmax(axis=1) if distances.ndim > 1 else (distances > 0).astype(np.int64)
        return self.classes_[places]

    def _side(self, matrix: Any, yes: Any, costs: Reals) -> Reals:
        from aufruf.baselines.descent_kernels import descend

        counts = costs > 0
        rows = matrix if counts.all() else matrix[counts]
        weights = np.zeros(matrix.shape[1] + 1)
        signs = np.where(yes[counts], 1.0, -1.0)
        descend(
            rows.indptr,
            rows.indices,
            rows.data,
            signs,
            costs[counts],
            _TOLERANCE,
            _MOST_PASSES,
            self.random_state,
            weights,
        )
        return weights
