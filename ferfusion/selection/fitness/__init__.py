"""How good a subset of columns is: the mean score over folds, exact and fast."""

from ferfusion.selection.fitness.scorer import SubsetScorer

__all__ = ["SubsetScorer"]
