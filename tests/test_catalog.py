"""Systems by name, their cards, and what to cite."""

from __future__ import annotations

import pytest

import ferfusion
from ferfusion import cite, list_systems, make_system
from ferfusion.base.errors import UnknownNameError
from ferfusion.catalog import system_card, system_modules
from ferfusion.corpora.registry import corpus_modules


def test_list():
    listed = list_systems()
    assert listed.index.name == "key"
    assert set(listed.index) == set(system_modules())
    assert {"baseline_early", "baseline_late"} <= set(listed.index)
    assert listed.loc["baseline_early", ["fusion", "views"]].tolist() == ["feature", "audio text visual"]
    assert not any(key.startswith("_") for key in listed.index)


@pytest.mark.parametrize("key", system_modules())
def test_cards(key):
    card = system_card(key)
    assert card.key == key
    assert card.to_dict()["title"] == card.title == list_systems().loc[key, "title"]
    assert cite(key).startswith("@")


def test_parameters_arrive():
    model = make_system("baseline_early", views=["audio"], classifier="knn", speaker_scaling="train", store="/x")
    assert model.named_steps["views"].only == ["audio"]
    assert model.named_steps["views"].store == "/x"
    assert model.named_steps["speaker"].mode == "train"
    assert type(model.named_steps["classify"].estimator).__name__ == "KNeighborsClassifier"
    assert make_system("baseline_late", rule="vote").named_steps["fuse"].rule == "vote"


@pytest.mark.parametrize(
    ("key", "parameters", "message"),
    [
        ("baseline_erly", {}, r"Unknown system 'baseline_erly'\. Did you mean 'baseline_early'\?"),
        ("zzz", {}, r"Unknown system 'zzz'\. There are: .*baseline_early"),
        ("baseline_late", {"rul": "mean"}, r"parameter of 'baseline_late' 'rul'\. Did you mean 'rule'\?"),
        ("baseline_late", {"classifier": "svn"}, r"Unknown classifier 'svn'\. Did you mean 'svm'\?"),
    ],
)
def test_unknown_names(key, parameters, message):
    with pytest.raises(UnknownNameError, match=message):
        make_system(key, **parameters)


def test_card_of_nothing():
    with pytest.raises(UnknownNameError, match="Did you mean 'baseline_late'"):
        system_card("baseline_lat")


def test_cite():
    assert cite("emodb") == cite("burkhardt2005_emodb")
    assert cite("emodb").startswith("@inproceedings{burkhardt2005_emodb,")
    assert cite("ravdess").startswith("@article{livingstone2018_ravdess,")
    assert "ferfusion" in cite()
    assert cite("baseline_early") == cite("ferfusion")
    for name in (name for name, module in corpus_modules().items() if module.CARD.citation):
        assert cite(name).rstrip().endswith("}")
    with pytest.raises(UnknownNameError, match="Did you mean 'emodb'"):
        cite("emodbb")


def test_package_fetches_its_names_when_used():
    assert set(ferfusion.__all__) <= set(dir(ferfusion))
    assert ferfusion.make_system is make_system
    assert ferfusion.fusion.__name__ == "ferfusion.fusion"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ferfusion.nothing
