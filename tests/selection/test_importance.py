"""Importances of a model, against scikit-learn's own chooser."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ferfusion.base.errors import SelectionError
from ferfusion.selection.importance import ImportanceSelector

X, y = make_classification(60, 15, n_informative=5, n_classes=3, random_state=0)


@pytest.mark.parametrize("model", [RandomForestClassifier(20, random_state=3), LogisticRegression()])
def test_is_select_from_model(model):
    theirs = SelectFromModel(model, max_features=6, threshold=-np.inf).fit(X, y)
    ours = ImportanceSelector(model, n_features=6).fit(X, y)
    np.testing.assert_array_equal(ours.get_support(), theirs.get_support())


def test_two_classes_with_one_row_of_coefficients():
    fitted = ImportanceSelector(LogisticRegression(), n_features=3).fit(X, y > 0)
    np.testing.assert_allclose(fitted.scores_, np.abs(LogisticRegression().fit(X, y > 0).coef_[0]))


def test_labels_reach_the_model_as_they_are():
    names = np.array(["anger", "fear", "joy"])[y]
    weighted = RandomForestClassifier(10, class_weight={"anger": 5, "fear": 1, "joy": 1})
    assert ImportanceSelector(weighted, n_features=3).fit(X, names).support_.sum() == 3


def test_same_whatever_n_jobs():
    scores = [ImportanceSelector(n_jobs=n_jobs, random_state=1).fit(X, y).scores_ for n_jobs in (None, 2)]
    np.testing.assert_array_equal(*scores)


def test_threshold():
    scores = ImportanceSelector(RandomForestClassifier(20)).fit(X, y).scores_
    fitted = ImportanceSelector(RandomForestClassifier(20), None, threshold=np.sort(scores)[-4]).fit(X, y)
    assert fitted.support_.sum() == 4
    with pytest.raises(SelectionError, match="No column reaches"):
        ImportanceSelector(RandomForestClassifier(20), threshold=2).fit(X, y)


def test_a_model_without_importances():
    with pytest.raises(SelectionError, match="KNeighborsClassifier has neither"):
        ImportanceSelector(KNeighborsClassifier()).fit(X, y)
