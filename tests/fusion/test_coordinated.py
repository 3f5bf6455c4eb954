"""Views in a common space, and views made out of others."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from ferfusion import load_model, save_model
from ferfusion.base import TableClassifier
from ferfusion.base.errors import FeatureError
from ferfusion.base.table import columns_of, features_of, learnt_views
from ferfusion.fusion import CoordinatedViews, ViewScaler, ViewTranslator, common_directions


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(120, 2))
    X = pd.DataFrame({"speaker": ["s1", "s2"] * 60}, index=[f"u{i:03d}" for i in range(120)])
    for view, width in (("audio_a", 4), ("text_b", 3), ("visual_c", 5)):
        A = common @ rng.normal(size=(2, width)) + 0.1 * rng.normal(size=(120, width)) + 5
        X[[f"{view}__f{k}" for k in range(width)]] = A
    return X


def holed(table, view, rows):
    table = table.copy()
    table.loc[table.index[rows], columns_of(table, view)] = np.nan
    return table


class TestCoordinatedViews:
    def test_projections_are_those_of_the_function(self, table):
        blocks = [features_of(table, view) for view in ("audio_a", "text_b", "visual_c")]
        found = common_directions(blocks, 2)
        out = CoordinatedViews(n_components=2).fit_transform(table)
        for view, block, projection in zip(("audio_a", "text_b", "visual_c"), blocks, found.projections, strict=True):
            np.testing.assert_allclose(features_of(out, view), (block - block.mean(axis=0)) @ projection, atol=1e-9)
        assert columns_of(out) == [f"{view}__common{k}" for view in out_views(out) for k in range(2)]
        assert out["speaker"].equals(table["speaker"])
        assert set(learnt_views(out)) == {"audio_a", "text_b", "visual_c"}

    def test_what_views_share_is_found(self, table):
        out = CoordinatedViews(n_components=2).fit_transform(table)
        for k in range(2):
            together = np.corrcoef([out[f"{view}__common{k}"] for view in out_views(out)])
            assert (together > 0.95).all()

    def test_rows_without_a_view_are_not_learnt_from_and_stay_without(self, table):
        gaps = holed(table, "text_b", range(30))
        model = CoordinatedViews(n_components=2, views=["audio_a", "text_b"]).fit(gaps)
        out = model.transform(gaps)
        assert out["text_b__common0"].isna().tolist() == [True] * 30 + [False] * 90
        assert out["audio_a__common0"].notna().all()
        np.testing.assert_array_equal(features_of(out, "visual_c"), features_of(table, "visual_c"))

    def test_an_absent_view_and_a_part_of_one(self, table):
        model = CoordinatedViews(n_components=2).fit(table)
        out = model.transform(table.drop(columns=columns_of(table, "visual_c")))
        assert out["visual_c__common1"].isna().all()
        np.testing.assert_allclose(out["audio_a__common0"], model.transform(table)["audio_a__common0"])
        with pytest.raises(FeatureError, match="lacks 1 features"):
            model.transform(table.drop(columns="audio_a__f1"))

    def test_own_columns_beside_them(self, table):
        out = CoordinatedViews(n_components=1, keep=True).fit_transform(table)
        assert columns_of(out, "text_b") == ["text_b__f0", "text_b__f1", "text_b__f2", "text_b__common0"]

    def test_a_missing_number_counts_as_the_mean(self, table):
        model = CoordinatedViews(n_components=2).fit(table)
        gap, mean = table.copy(), table.copy()
        gap.loc["u005", "audio_a__f2"] = np.nan
        mean.loc["u005", "audio_a__f2"] = table["audio_a__f2"].mean()
        pd.testing.assert_frame_equal(model.transform(gap), model.transform(mean))

    def test_new_rows_one_by_one(self, table):
        model = CoordinatedViews(n_components=2).fit(table.iloc[:80])
        together = model.transform(table.iloc[80:84])
        alone = pd.concat([model.transform(table.iloc[[i]]) for i in range(80, 84)])
        pd.testing.assert_frame_equal(alone, together)

    @pytest.mark.parametrize("kind", ["correlation", "covariance", "discriminant"])
    def test_in_a_pipeline_that_is_saved(self, table, kind, tmp_path):
        y = pd.Series(np.where(features_of(table, "audio_a")[:, 0] > 5, "joy", "calm"), index=table.index)
        steps = ViewScaler(), CoordinatedViews(kind, 2), TableClassifier(LogisticRegression())
        model = make_pipeline(*steps).fit(table, y)
        assert (model.predict(table) == y).mean() > 0.8
        again = load_model(save_model(model, tmp_path / "model.skops"))
        np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))

    def test_one_view_is_not_enough(self, table):
        with pytest.raises(FeatureError, match="CoordinatedViews needs two views at least"):
            CoordinatedViews(views="audio").fit(table)

    def test_views_that_never_meet(self, table):
        gaps = holed(holed(table, "audio_a", range(60)), "text_b", range(60, 120))
        with pytest.raises(FeatureError, match="Only 0 rows have all of the views"):
            CoordinatedViews().fit(gaps)


class TestViewTranslator:
    def test_a_missing_view_is_made_from_the_others(self, table):
        rows = range(100, 120)
        model = ViewTranslator(alpha=0.01).fit(table.iloc[:100])
        out = model.transform(holed(table, "text_b", rows))
        made, true = features_of(out, "text_b")[100:], features_of(table, "text_b")[100:]
        left = ((made - true) ** 2).mean() / ((true - true.mean(axis=0)) ** 2).mean()
        assert left < 0.05
        np.testing.assert_array_equal(features_of(out, "text_b")[:100], features_of(table, "text_b")[:100])
        np.testing.assert_array_equal(features_of(out, "audio_a"), features_of(table, "audio_a"))

    def test_of_two_views_it_is_ridge_regression(self, table):
        model = ViewTranslator(alpha=2.0, views=["audio_a", "text_b"]).fit(table)
        A, B = features_of(table, "audio_a"), features_of(table, "text_b")
        size = np.sqrt(A.var(axis=0).sum())
        expected = Ridge(alpha=2.0).fit((A - A.mean(axis=0)) / size, B).predict((A[:3] - A.mean(axis=0)) / size)
        out = model.transform(holed(table, "text_b", range(3)))
        np.testing.assert_allclose(features_of(out, "text_b")[:3], expected)

    def test_several_translations_are_averaged(self, table):
        model = ViewTranslator().fit(table)
        gaps = holed(table, "text_b", [0])
        both = features_of(model.transform(gaps), "text_b")[0]
        single = [features_of(model.transform(holed(gaps, view, [0])), "text_b")[0] for view in ("audio_a", "visual_c")]
        np.testing.assert_allclose(both, np.mean(single, axis=0))

    def test_nothing_out_of_nothing(self, table):
        gaps = table
        for view in ("audio_a", "text_b", "visual_c"):
            gaps = holed(gaps, view, [7])
        out = ViewTranslator().fit(table).transform(gaps)
        assert np.isnan(features_of(out)[7]).all()
        assert np.isfinite(np.delete(features_of(out), 7, axis=0)).all()

    def test_a_view_that_the_table_lacks_altogether(self, table):
        model = ViewTranslator(alpha=0.01).fit(table)
        out = model.transform(table.drop(columns=columns_of(table, "visual_c")))
        assert np.corrcoef(out["visual_c__f0"], table["visual_c__f0"])[0, 1] > 0.9

    def test_training_rows_may_lack_views(self, table):
        gaps = holed(table, "text_b", range(0, 120, 2))
        out = ViewTranslator(alpha=0.01).fit_transform(gaps)
        assert np.isfinite(features_of(out)).all()
        assert np.corrcoef(out["text_b__f0"], table["text_b__f0"])[0, 1] > 0.95

    def test_views_that_never_meet(self, table):
        table = table.drop(columns=columns_of(table, "visual_c"))
        gaps = holed(holed(table, "audio_a", range(60)), "text_b", range(60, 120))
        with pytest.raises(FeatureError, match="No row has two of the views"):
            ViewTranslator().fit(gaps)


def out_views(out):
    return list(dict.fromkeys(column.split("__")[0] for column in out.columns if "__" in column))
