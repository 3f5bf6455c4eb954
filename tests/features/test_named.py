"""Extractors by the name of their view."""

from __future__ import annotations

import pytest

from ferfusion.base.errors import UnknownNameError
from ferfusion.base.table import MODALITIES, modality_of
from ferfusion.features.audio.opensmile import OPENSMILE_SETS
from ferfusion.features.named import NAMED_VIEWS, named_view
from ferfusion.features.views import Views


@pytest.mark.parametrize("name", NAMED_VIEWS)
def test_every_name_fits_its_extractor(name):
    view, extractor = named_view(name)
    assert view == name
    assert modality_of(name) == extractor.modality
    assert modality_of(name) in MODALITIES
    assert named_view(name)[1] is not extractor  # each caller has their own
    assert Views([(view, extractor)]).views == [(view, extractor)]


def test_every_opensmile_set_has_a_name():
    sets = [make().get_params().get("feature_set") for make in NAMED_VIEWS.values()]
    assert {name for name in sets if name} == set(OPENSMILE_SETS)
    assert named_view("audio_is11")[1].feature_set == "IS11"


def test_unknown_name():
    with pytest.raises(UnknownNameError, match=r"Unknown view 'audio_egemap'\. Did you mean 'audio_egemaps'\?"):
        named_view("audio_egemap")
