"""Corpora: one module each, all with the same face (``CARD`` and ``load``)."""

from ferfusion.corpora.checking import check_manifest
from ferfusion.corpora.conversations import read_conversations
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.folds import Fold
from ferfusion.corpora.join import join_features
from ferfusion.corpora.labels import LABEL_MAPS, map_labels
from ferfusion.corpora.manifest import read_manifest, write_manifest
from ferfusion.corpora.merging import merge_corpora
from ferfusion.corpora.registry import list_corpora, load_corpus
from ferfusion.corpora.synthetic import make_corpus

__all__ = [
    "LABEL_MAPS",
    "Corpus",
    "Fold",
    "check_manifest",
    "join_features",
    "list_corpora",
    "load_corpus",
    "make_corpus",
    "map_labels",
    "merge_corpora",
    "read_conversations",
    "read_manifest",
    "write_manifest",
]
