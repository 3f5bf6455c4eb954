"""Support vector machines on one kernel a view: on arrays, and as the last step of a table pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.svm import SVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ferfusion.base.calibration import fit_temperature, out_of_fold_scores
from ferfusion.base.classifier import TableClassifier
from ferfusion.base.errors import FeatureError, ProtocolError
from ferfusion.base.grouped import GroupedFolds
from ferfusion.base.table import view_of
from ferfusion.fusion.kernels import as_kernel, centred_kernel, combined_kernel, kernel_weights
from ferfusion.fusion.viewwise import aligned_features, column_means

__all__ = ["MultipleKernelClassifier", "MultipleKernelSVC"]


class MultipleKernelSVC(ClassifierMixin, BaseEstimator):
    """Support vector machine on a weighted sum of kernels, one for each block of columns.

    Each block is centred, brought to a total variance of one and given a kernel, which is centred in its feature space
    and brought to a mean diagonal of one.

    Parameters
    ----------
    blocks : sequence of int, optional
        Numbers of columns of the blocks, from the left; all columns are one block if missing.
    kernel : {"linear", "rbf"} or callable, default="linear"
        Kernel ``(A, B, gamma)`` of each block.
    method : {"average", "alignment", "simple"} or callable, default="average"
        How much each kernel counts: all the same; so that the sum is aligned best with the classes [1]_; or so that the
        machine's own objective is as small as it can be [2]_ (of more than two classes: the sum over their pairs).
    C : float, default=1.0
        Price of an error.
    gamma : float, default=1.0
        Width of ``rbf``, on blocks of a total variance of one: 1 is what scikit-learn calls ``scale``.
    calibrate : bool, default=True
        Learn one factor on the scores out of fold, for probabilities.
    cv : int, splitter or None, default=5
        Inner folds for it. Within a table pipeline a number becomes folds grouped by speaker.

    Attributes
    ----------
    weights_ : ndarray, shape (n_blocks,)
        Weights of the kernels; they sum to one.
    machine_ : SVC
        Fitted on the sum of the kernels.
    factor_ : float
        What scores are multiplied by; 1 where no inner fold could be made (``calibrated_`` says so).
    classes_ : ndarray
        Class labels.

    Notes
    -----
    A missing number counts as the mean of its column. A block that a row lacks altogether is left out for this row
    and the others take over its weight, see ``fusion.kernels.combined_kernel``. With linear kernels and equal weights
    this is a linear machine on the blocks side by side. Time and memory grow with the square of the number of rows.

    References
    ----------
    .. [1] Cortes, Mohri, Rostamizadeh: Algorithms for learning kernels based on centered alignment. Journal of
       Machine Learning Research 13, 2012, pages 795-828.
    .. [2] Rakotomamonjy, Bach, Canu, Grandvalet: SimpleMKL. Journal of Machine Learning Research 9, 2008, pages
       2491-2521.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 20)
    >>> X = np.column_stack([rng.normal(size=(40, 3)), y + 0.1 * rng.normal(size=40)])
    >>> MultipleKernelSVC(blocks=[3, 1], method="alignment").fit(X, y).weights_.round(1).tolist()
    [0.0, 1.0]
    """

    def __init__(
        self,
        blocks: Sequence[int] | None = None,
        kernel: Any = "linear",
        method: Any = "average",
        C: float = 1.0,
        gamma: float = 1.0,
        calibrate: bool = True,
        cv: Any = 5,
    ) -> None:
        self.blocks = blocks
        self.kernel = kernel
        self.method = method
        self.C = C
        self.gamma = gamma
        self.calibrate = calibrate
        self.cv = cv

    def __sklearn_tags__(self) -> Any:
        """Missing values are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any) -> MultipleKernelSVC:
        """Weigh the kernels, fit the machine and its factor.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples; NaN where a value is missing.
        y : array-like, shape (n_samples,)
            Labels of at least two classes.

        Raises
        ------
        FeatureError
            If the blocks are not the columns, or none of them varies.
        UnknownNameError
            If there is no such kernel or method.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            message = f"Classifier needs at least two classes; all samples are of one class, {str(self.classes_[0])!r}."
            raise ValueError(message)
        kernels, there = self._learn_kernels(X)
        self.weights_ = kernel_weights(kernels, codes, self.method, self.C)
        machine = SVC(C=self.C, kernel="precomputed", decision_function_shape="ovr")
        self.machine_ = machine.fit(combined_kernel(kernels, self.weights_, there), codes)
        self.factor_, self.calibrated_ = self._calibration(X, codes) if self.calibrate else (1.0, False)
        return self

    def _calibration(self, X: np.ndarray, codes: np.ndarray) -> tuple[float, bool]:
        cv: Any = GroupedFolds(None, self.cv or 5) if self.cv is None or isinstance(self.cv, int) else self.cv
        bare = clone(self).set_params(calibrate=False)
        try:
            splits = list(cv.split(X, codes)) if hasattr(cv, "split") else list(cv)
            return fit_temperature(*out_of_fold_scores(bare, X, codes, splits)), True
        except ProtocolError:
            return 1.0, False

    def _learn_kernels(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kernel = as_kernel(self.kernel)
        self.means_ = column_means(X)
        blocks, there = self._blocks(X)
        # a block that no row has, or that does not vary, must not be divided by its size
        self.sizes_ = np.array([_size(A, rows) for A, rows in zip(blocks, there, strict=True)])
        self.rows_ = [A / size for A, size in zip(blocks, self.sizes_, strict=True)]
        self.there_ = there
        self.kernel_means_, self.scales_, kernels = [], np.zeros(len(blocks)), np.zeros((len(blocks), len(X), len(X)))
        for i, (A, rows) in enumerate(zip(self.rows_, there, strict=True)):
            plain = kernel(A[rows], A[rows], self.gamma)
            self.kernel_means_.append(plain.mean(axis=0) if rows.any() else np.zeros(0))
            K = centred_kernel(plain, self.kernel_means_[i]) if rows.any() else plain
            diagonal = float(np.trace(K)) / max(int(rows.sum()), 1)
            self.scales_[i] = diagonal if diagonal > 1e-9 and _varies(A[rows]) else 0.0
            if self.scales_[i] > 0:
                kernels[i][np.ix_(rows, rows)] = K / self.scales_[i]
        return kernels, there

    def _blocks(self, X: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Centred blocks without holes, and which rows have which."""
        sizes = [X.shape[1]] if self.blocks is None else [int(size) for size in self.blocks]
        if sum(sizes) != X.shape[1] or min(sizes, default=0) < 1:
            message = f"Blocks of {sizes} columns do not make up the {X.shape[1]} columns that there are."
            raise FeatureError(message)
        edges = np.cumsum(sizes)[:-1]
        there = np.stack([~np.isnan(block).all(axis=1) for block in np.split(X, edges, axis=1)])
        return np.split(np.where(np.isnan(X), 0.0, X - self.means_), edges, axis=1), there

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores, shape (n_samples, n_classes), or (n_samples,) for two classes; not yet multiplied by the factor."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        kernel = as_kernel(self.kernel)
        blocks, there = self._blocks(X)
        kernels = []
        for i, (A, own, has) in enumerate(zip(blocks, self.rows_, self.there_, strict=True)):
            out = np.zeros((len(X), len(own)))
            if self.weights_[i] > 0:
                K = kernel(A / self.sizes_[i], own[has], self.gamma)
                out[:, has] = centred_kernel(K, self.kernel_means_[i]) / self.scales_[i]
            kernels.append(out)
        return self.machine_.decision_function(combined_kernel(kernels, self.weights_, there, self.there_))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (n_samples, n_classes), rows summing to one."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.column_stack([-scores / 2, scores / 2])
        return softmax(self.factor_ * scores, axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each sample."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class MultipleKernelClassifier(TableClassifier):
    """Early fusion by kernels: each view has its own, and a support vector machine works on their weighted sum.

    The last step of a table pipeline in the place of ``TableClassifier``. It needs no scaling and no imputation before
    it, though a view whose columns differ in scale may want ``ViewScaler()``.

    Parameters
    ----------
    kernel : {"linear", "rbf"} or callable, default="linear"
        Kernel ``(A, B, gamma)`` of each view.
    method : {"average", "alignment", "simple"} or callable, default="average"
        How much each view's kernel counts, see ``MultipleKernelSVC``.
    C : float, default=1.0
        Price of an error.
    gamma : float, default=1.0
        Width of ``rbf``, on views of a total variance of one.
    missing : {"prior", "nan"}, default="prior"
        What a row without a single feature value gets, as for ``TableClassifier``.

    Attributes
    ----------
    estimator_ : MultipleKernelSVC
        Fitted on integer codes.
    weights_ : dict of str to float
        Weight of each view's kernel; they sum to one. A view that does not vary gets 0.
    classes_ : ndarray of object
        Emotion names, sorted.
    prior_ : ndarray, shape (n_classes,)
        Share of each class in training.
    columns_ : list of str
        Features it reads.

    Notes
    -----
    A view that a row lacks is left out for this row, and the others take over its weight. Twice the same view counts
    twice for ``average``; for the two methods that learn, it changes nothing.

    Examples
    --------
    >>> X = pd.DataFrame({"speaker": list("aabb"), "audio_a__x": [0.0, 1.0, 0.1, 0.9], "text_b__y": [0.0, 0, 1, 1]})
    >>> model = MultipleKernelClassifier(method="alignment").fit(X, ["calm", "anger", "calm", "anger"])
    >>> model.predict(X).tolist()
    ['calm', 'anger', 'calm', 'anger']
    >>> {view: round(weight, 2) for view, weight in model.weights_.items()}
    {'audio_a': 1.0, 'text_b': 0.0}
    """

    def __init__(
        self,
        kernel: Any = "linear",
        method: Any = "average",
        C: float = 1.0,
        gamma: float = 1.0,
        missing: Literal["prior", "nan"] = "prior",
    ) -> None:
        self.kernel = kernel
        self.method = method
        self.C = C
        self.gamma = gamma
        self.missing = missing

    def fit(self, X: pd.DataFrame, y: Any) -> MultipleKernelClassifier:
        """Fit on the rows that have a feature value.

        Parameters
        ----------
        X : DataFrame
            The table, with features.
        y : array-like of str, shape (n_utterances,)
            Emotion names.

        Raises
        ------
        TableError
            If the table breaks its grammar or the labels are missing or all the same.
        FeatureError
            If no view varies.
        """
        super().fit(X, y)
        self.weights_ = dict(zip(self._columns_by_view(), self.estimator_.weights_.tolist(), strict=True))
        return self

    def _columns_by_view(self) -> dict[str, list[str]]:
        return {view: list(columns) for view, columns in groupby(self.columns_, view_of)}

    def _calibrated(self) -> Any:
        blocks = [len(columns) for columns in self._columns_by_view().values()]
        return MultipleKernelSVC(blocks, self.kernel, self.method, self.C, self.gamma)

    def _array(self, X: pd.DataFrame) -> np.ndarray:
        # a view that the table lacks altogether is missing, not an error
        return np.hstack([aligned_features(X, columns) for columns in self._columns_by_view().values()])


def _size(A: np.ndarray, rows: np.ndarray) -> float:
    """Square root of the total variance over the rows that have the block, 1 for a block that does not vary."""
    return float(np.sqrt(A[rows].var(axis=0).sum())) or 1.0 if rows.any() else 1.0


def _varies(A: np.ndarray) -> bool:
    return bool((np.ptp(A, axis=0) > 0).any()) if len(A) else False
