"""Grammar of the table, in one place: a row an utterance, facts without ``__``, features as ``<view>__<feature>``.

Nobody else splits column names or hands out arrays. A view's name begins with its modality
(``audio_egemaps``, ``text_tfidf``, ``visual_au``). A frame view is one object column ``<view>__frames`` of
2-D arrays ``(n_frames, n_features)``. Beside a view that this library extracted stands a fact column
``<view>@origin``: which extractor made the value of that row from which source.
"""

from ferfusion.base.table.changing import drop_views, mark_learnt, replace_columns, replace_features, with_view
from ferfusion.base.table.checks import check_table
from ferfusion.base.table.names import (
    LEARNT,
    MODALITIES,
    columns_of,
    facts_of,
    feature_of,
    is_feature,
    match_views,
    modality_of,
    origin_column,
    view_of,
    views_of,
)
from ferfusion.base.table.reading import (
    GROUP_COLUMNS,
    expect_features,
    features_of,
    fitted_features,
    frames_of,
    groups_of,
    has_frames,
    learnt_views,
    present_rows,
    texts_of,
)

__all__ = [
    "GROUP_COLUMNS",
    "LEARNT",
    "MODALITIES",
    "check_table",
    "columns_of",
    "drop_views",
    "expect_features",
    "facts_of",
    "feature_of",
    "features_of",
    "fitted_features",
    "frames_of",
    "groups_of",
    "has_frames",
    "is_feature",
    "learnt_views",
    "mark_learnt",
    "match_views",
    "modality_of",
    "origin_column",
    "present_rows",
    "replace_columns",
    "replace_features",
    "texts_of",
    "view_of",
    "views_of",
    "with_view",
]
