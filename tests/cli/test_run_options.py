"""Options of ``run`` alone: tuning, missing views, noise."""

from __future__ import annotations

import pandas as pd
import pytest

from ferfusion.base.errors import FerfusionError, ProtocolError, UnknownNameError
from ferfusion.cli.common import pairs_of, values_of

EARLY = ("--system", "baseline_early", "--views", "visual", "--jobs", 1)


def test_values():
    assert values_of("0.01,1, none,linear") == [0.01, 1, None, "linear"]
    assert values_of("[1, [2, 3]]") == [1, [2, 3]]
    assert values_of("0.5") == [0.5]
    assert pairs_of("--tune", ["a__b=1=2"]) == {"a__b": "1=2"}
    assert pairs_of("--tune", None) == {}
    with pytest.raises(FerfusionError, match="--tune takes name=value, not 'C'"):
        pairs_of("--tune", ["C"])


def test_tune(call, manifest, tmp_path):
    out = tmp_path / "tuned"
    words = ("run", *EARLY, "-c", manifest, "-o", out, "--tune", "classify__estimator__C=0.01,1")
    text = call(*words).text
    assert "Tuned inside each training part: 2 settings by UAR on 3 inner folds that keep speakers together" in text
    tuned = pd.read_csv(out / "tuned.csv")
    assert tuned["fold"].tolist() == ["s01", "s02", "s03", "s04"]
    assert set(tuned["classify__estimator__C"]) <= {0.01, 1}
    assert "What was tuned" in (out / "report.html").read_text()
    with pytest.raises(UnknownNameError, match="Did you mean 'classify__estimator__C'"):
        call("run", *EARLY, "-c", manifest, "--tune", "classify__estimator__c=1")


def test_missing(call, manifest):
    summary = call("run", *EARLY, "-c", manifest, "--missing", "visual=0.5", "--json").json
    assert summary["protocol"]["description"].endswith("test part corrupted: visual missing for 50%")
    assert summary["protocol"]["corruption"] == {"missing": {"visual": 0.5}, "noise": {}}
    for wrong in ("visual=2", "visual=much"):
        with pytest.raises(ProtocolError, match="visual"):
            call("run", *EARLY, "-c", manifest, "--missing", wrong)
    with pytest.raises(FerfusionError, match="--missing takes name=value"):
        call("run", *EARLY, "-c", manifest, "--missing", "visual")


def test_noise(call, manifest):
    words = ("run", "-s", "baseline_early", "--views", "text", "-j", 1, "-c", manifest, "--json")
    summary = call(*words, "--noise", "text=0.5").json
    assert "text with a word error rate of 50%" in summary["protocol"]["description"]
    with pytest.raises(UnknownNameError, match="'brown'"):
        call(*words, "--noise", "audio=brown:3")
