import pickle

import numpy as np
import pytest
import skops.io
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, TableError
from ferfusion.base.table import columns_of, features_of
from ferfusion.fusion.clustering import LateFusionClustering
from ferfusion.fusion.partition import PARTITIONERS, cluster_views, clustering_scores


@pytest.fixture
def clear(toy):
    """Emotions further apart than in the toy table."""
    X, y = toy
    X = X.copy()
    for view, marked in (("audio_a", "anger"), ("text_b", "calm"), ("visual_c", "fear")):
        X[columns_of(X, view)] += 4.0 * (y == marked).to_numpy()[:, None]
        X[columns_of(X, view)[:1]] += 4.0 * (y == "calm").to_numpy()[:, None]
    return X, y


@pytest.mark.parametrize("method", PARTITIONERS)
class TestEveryMethod:
    def test_is_the_function_on_the_views_and_near_the_emotions(self, clear, method):
        X, y = clear
        model = LateFusionClustering(3, method).fit(X)
        expected = cluster_views([features_of(X, view) for view in model.views_], 3, method)
        np.testing.assert_array_equal(model.labels_, expected.labels)
        assert list(model.weights_.values()) == expected.weights.tolist()
        assert clustering_scores(y, model.labels_)["ari"] > 0.5

    def test_labels_are_not_looked_at_and_the_table_stays(self, clear, method):
        X, y = clear
        before = X.copy()
        model = LateFusionClustering(3, method)
        labels = model.fit_predict(X, y)
        np.testing.assert_array_equal(labels, clone(model).fit(X, y[::-1]).labels_)
        assert X.equals(before)

    def test_saved(self, clear, method):
        model = LateFusionClustering(3, method, kernel="rbf").fit(clear[0])
        data = skops.io.dumps(model)
        unknown = skops.io.get_untrusted_types(data=data)
        assert all(name.startswith("ferfusion.") for name in unknown)
        for again in (pickle.loads(pickle.dumps(model)), skops.io.loads(data, trusted=unknown)):
            np.testing.assert_array_equal(again.labels_, model.labels_)

    def test_a_row_without_a_view_and_one_without_any(self, clear, method):
        X = clear[0].copy()
        X.loc["u00", columns_of(X)] = np.nan
        X.loc["u01", columns_of(X, "text_b")] = np.nan
        labels = LateFusionClustering(3, method).fit_predict(X)
        assert (labels == -1).tolist() == [True] + [False] * 83


def test_some_views(clear):
    X, _ = clear
    assert LateFusionClustering(2, views="text").fit(X).weights_ == pytest.approx({"text_b": 1.0})


def test_errors(clear):
    X, _ = clear
    with pytest.raises(FeatureError, match="needs one view at least"):
        LateFusionClustering().fit(X[["speaker"]])
    with pytest.raises(FeatureError, match="9 clusters cannot be made of views of which one has 5 rows"):
        LateFusionClustering(9).fit(X.assign(text_d__x=[1.0, 2.0, 3.0, 4.0, 5.0, *[np.nan] * 79]))
    with pytest.raises(FeatureError, match="No view varies"):
        LateFusionClustering(2).fit(X.iloc[:1])
    with pytest.raises(TableError):
        LateFusionClustering(2).fit(features_of(X))
