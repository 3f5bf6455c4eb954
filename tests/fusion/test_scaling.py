import numpy as np
import pandas as pd
import pytest

from ferfusion.base.errors import FeatureError
from ferfusion.base.table import features_of, learnt_views
from ferfusion.fusion import ViewScaler


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    wide = {f"audio_w__f{i}": rng.normal(5, 10.0**i, 200) for i in range(-3, 4)}
    words = {"text_t__rare": (np.arange(200) == 7) * 1.0, "text_t__often": rng.normal(0, 2, 200)}
    facts = {"speaker": ["s"] * 200}
    return pd.DataFrame(facts | wide | words, index=[f"u{i}" for i in range(200)])


def test_each_view_has_a_total_variance_of_one(table):
    scaled = ViewScaler().fit_transform(table)
    for view in ("audio_w", "text_t"):
        assert features_of(scaled, view).var(axis=0).sum() == pytest.approx(1)
        np.testing.assert_allclose(features_of(scaled, view).mean(axis=0), 0, atol=1e-9)


def test_columns_of_sound_weigh_the_same_and_words_keep_their_proportions(table):
    scaled = ViewScaler().fit_transform(table)
    np.testing.assert_allclose(features_of(scaled, "audio_w").var(axis=0), 1 / 7)
    before, after = features_of(table, "text_t").std(axis=0), features_of(scaled, "text_t").std(axis=0)
    assert after[0] / after[1] == pytest.approx(before[0] / before[1])


def test_a_constant_column_gives_zeros_and_takes_no_share(table):
    table = table.assign(audio_w__flat=3.0)
    scaled = ViewScaler().fit_transform(table)
    assert (scaled["audio_w__flat"] == 0).all()
    assert features_of(scaled, "audio_w").var(axis=0).sum() == pytest.approx(1)


def test_new_rows_are_scaled_by_the_old_ones(table):
    scaler = ViewScaler().fit(table.iloc[:100])
    one_by_one = pd.concat([scaler.transform(table.iloc[[i]]) for i in range(100, 110)])
    together = scaler.transform(table.iloc[100:110])
    np.testing.assert_allclose(features_of(one_by_one), features_of(together))


def test_missing_stays_missing_and_facts_stay(table):
    table.loc["u3", "audio_w__f0"] = np.nan
    scaled = ViewScaler().fit_transform(table)
    assert np.isnan(scaled.loc["u3", "audio_w__f0"])
    assert features_of(scaled, "audio_w").shape == (200, 7)
    assert (scaled["speaker"] == "s").all()
    assert set(learnt_views(scaled)) == {"audio_w", "text_t"}


def test_an_absent_feature_is_named(table):
    scaler = ViewScaler().fit(table)
    with pytest.raises(FeatureError, match="audio_w__f2"):
        scaler.transform(table.drop(columns="audio_w__f2"))
