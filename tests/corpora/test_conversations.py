"""Feature files of whole dialogues: toy pickles in each published form, and what must be refused."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.base.table import features_of
from ferfusion.corpora.conversations import read_conversations

IEMOCAP = CorpusCard("iemocap", "IEMOCAP", emotions={"anger": 1103}, n_utterances=5531, n_speakers=10, license="USC")
MELD = CorpusCard("meld", "MELD", emotions={"anger": 1607}, n_utterances=13708, n_speakers=304)
FIRST, LAST = "Ses01F_impro01", "Ses05M_script01_1b"


def vectors(n, width, start=0.0):
    return [np.arange(width, dtype=np.float64) + start + i for i in range(n)]


def iemocap(**changes):
    parts = {
        "ids": {FIRST: [f"{FIRST}_F000", f"{FIRST}_M000", f"{FIRST}_F001"], LAST: [f"{LAST}_M000", f"{LAST}_F005"]},
        "speakers": {FIRST: ["F", "M", "F"], LAST: ["M", "F"]},
        "labels": {FIRST: [2, 0, 3], LAST: [5, 4]},
        "text": {FIRST: vectors(3, 4), LAST: vectors(2, 4, 10)},
        "audio": {FIRST: vectors(3, 2, 100), LAST: vectors(2, 2, 200)},
        "visual": {FIRST: vectors(3, 3, -5), LAST: vectors(2, 3, -9)},
        "sentences": {FIRST: ["Excuse me.", "Yeah?", "What?"], LAST: ["No.", "Yes."]},
        "train": {FIRST},
        "test": {LAST},
    }
    return parts | changes


def meld(**changes):
    def hot(*places):
        return [[float(i == place) for i in range(9)] for place in places]

    parts = {
        "ids": {0: [0, 1], 1039: [0], 1153: [0, 3]},
        "speakers": {0: hot(0, 1), 1039: hot(0), 1153: hot(2, 0)},
        "labels": {0: [0, 4], 1039: [6], 1153: [1, 3]},
        "text": {0: vectors(2, 4), 1039: vectors(1, 4), 1153: vectors(2, 4, 7)},
        "audio": {0: vectors(2, 3), 1039: vectors(1, 3), 1153: vectors(2, 3)},
        "visual": {0: vectors(2, 2), 1039: vectors(1, 2), 1153: vectors(2, 2)},
        "sentences": {0: ["Hi", "Great"], 1039: ["Stop"], 1153: ["Oh", "Sorry"]},
        "train": [0, 1039],
        "test": [1153],
        "sentiments": {0: [0, 1], 1039: [2], 1153: [1, 2]},
    }
    return parts | changes


def write(path, parts, roles=None, protocol=2):
    values = tuple(parts.values() if roles is None else (parts[role] for role in roles.split()))
    path.write_bytes(pickle.dumps(values, protocol))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "features.pkl"


def four(parts):
    """Four layers of text in the place of one."""
    layers = {f"text{i}": {k: vectors(len(v), 5, 10 * i) for k, v in parts["labels"].items()} for i in range(1, 5)}
    return parts | layers


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_iemocap(file, protocol):
    corpus = read_conversations(write(file, iemocap(), protocol=protocol), IEMOCAP)
    assert corpus.X.index.tolist() == [
        "Ses01F_impro01_F000",
        "Ses01F_impro01_M000",
        "Ses01F_impro01_F001",
        "Ses05M_script01_1b_M000",
        "Ses05M_script01_1b_F005",
    ]
    facts = corpus.X.loc["Ses01F_impro01_M000"]
    assert facts[[c for c in corpus.X if "__" not in c]].to_dict() == {
        "text": "Yeah?",
        "speaker": "Ses01M",
        "gender": "male",
        "session": "Ses01",
        "dialogue": "Ses01F_impro01",
        "turn": 1,
        "split": "train",
        "corpus": "iemocap",
        "original_label": "hap",
    }
    assert corpus.y.tolist() == ["neutral", "happiness", "anger", "frustration", "excitement"]
    assert corpus.X["speaker"].tolist() == ["Ses01F", "Ses01M", "Ses01F", "Ses05M", "Ses05F"]
    assert corpus.views == ["text_erc", "audio_erc", "visual_erc"]
    assert features_of(corpus.X, "text_erc")[[0, 4]].tolist() == [[0, 1, 2, 3], [11, 12, 13, 14]]
    assert features_of(corpus.X, "audio_erc")[3].tolist() == [200, 201]
    assert features_of(corpus.X, "visual_erc")[1].tolist() == [-4, -3, -2]
    assert corpus.notes == (
        "features by dialogue in the form of MMGCN and DialogueRNN for IEMOCAP",
        "text_erc: 4 features",
        "audio_erc: 2 features",
        "visual_erc: 3 features",
    )
    assert corpus.faults == ()


def test_card_expects_nothing_of_the_raw_release(file):
    corpus = read_conversations(write(file, iemocap()), IEMOCAP)
    card = corpus.card
    assert (card.name, card.license) == ("iemocap", "USC")
    assert (card.emotions, card.n_utterances, card.n_speakers, card.sampling_rate) == ({}, None, None, None)
    assert card.views == ("text_erc", "audio_erc", "visual_erc")
    assert not [fault for id_, fault in corpus.validate().to_numpy() if not id_]


def test_folds(file):
    corpus = read_conversations(write(file, iemocap()), IEMOCAP)
    assert corpus.protocols() == ["speaker", "session", "dialogue", "official", "stratified"]
    (fold,) = corpus.folds("official")
    assert (fold.train.tolist(), fold.test.tolist()) == ([0, 1, 2], [3, 4])
    assert [fold.name for fold in corpus.folds("session")] == ["Ses01", "Ses05"]


def python_2(value):
    """Protocol 0 as Python 2 wrote it: texts are bytes, arrays come from numpy.core."""
    if isinstance(value, np.ndarray):
        content = value.astype("<f4").tobytes()
        shape = b"".join(b"I%d\n" % n for n in value.shape)
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n("
            + shape
            + b"tcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
            + python_2(content)
            + b"tb"
        )
    if isinstance(value, dict):
        return b"(d" + b"".join(python_2(k) + python_2(v) + b"s" for k, v in value.items())
    if isinstance(value, list):
        return b"(l" + b"".join(python_2(part) + b"a" for part in value)
    if isinstance(value, set):
        return b"c__builtin__\nset\n(" + python_2(list(value)) + b"tR"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(python_2, value)) + b"t"
    if isinstance(value, int):
        return b"I%d\n" % value
    content = value if isinstance(value, bytes) else value.encode()
    return b"S'" + b"".join(b"\\x%02x" % byte for byte in content) + b"'\n"


def test_file_of_python_2(file):
    sentences = {FIRST: ["Caf\xe9", b"Caf\xe9", "It’s"], LAST: ["", "a"]}
    file.write_bytes(python_2(tuple(iemocap(sentences=sentences).values())) + b".")
    corpus = read_conversations(file, IEMOCAP)
    # the bytes of UTF-8 and those of Latin-1
    assert corpus.X["text"].tolist() == ["Café", "Café", "It’s", "", "a"]
    assert features_of(corpus.X, "audio_erc").tolist() == [[100, 101], [101, 102], [102, 103], [200, 201], [201, 202]]
    assert corpus.y.tolist() == ["neutral", "happiness", "anger", "frustration", "excitement"]


def test_meld(file):
    corpus = read_conversations(write(file, meld()), MELD)
    assert corpus.X.drop(columns=[c for c in corpus.X if "__" in c]).to_dict("index") == {
        id_: {
            "text": text,
            "sentiment": sentiment,
            "speaker": speaker,
            "dialogue": dialogue,
            "turn": turn,
            "split": split,
            "corpus": "meld",
            "original_label": label,
        }
        for id_, text, sentiment, speaker, dialogue, turn, split, label in [
            ("train_dia0_utt0", "Hi", "neutral", "train_0:speaker_0", "train_0", 0, "train", "neutral"),
            ("train_dia0_utt1", "Great", "positive", "train_0:speaker_1", "train_0", 1, "train", "joy"),
            ("dev_dia0_utt0", "Stop", "negative", "dev_0:speaker_0", "dev_0", 0, "dev", "anger"),
            ("test_dia0_utt0", "Oh", "positive", "test_0:speaker_2", "test_0", 0, "test", "surprise"),
            ("test_dia0_utt3", "Sorry", "negative", "test_0:speaker_0", "test_0", 3, "test", "sadness"),
        ]
    }
    assert corpus.y.tolist() == ["neutral", "happiness", "anger", "surprise", "sadness"]
    assert corpus.views == ["text_erc", "audio_erc", "visual_erc"]
    assert corpus.notes[0] == "features by dialogue in the form of MMGCN for MELD"
    assert "persons are not named" in corpus.notes[1]
    assert corpus.notes[2] == "dialogues 1039 to 1152, in the file a part of train, are those of dev"
    assert corpus.folds("official")[0].test.tolist() == [3, 4]


def test_meld_without_image(file):
    roles = "ids speakers labels text audio sentences train test sentiments"
    corpus = read_conversations(write(file, meld(), roles), MELD)
    assert corpus.notes[0] == "features by dialogue in the form of DialogueRNN for MELD"
    assert corpus.views == ["text_erc", "audio_erc"]
    assert corpus.y.tolist() == ["neutral", "happiness", "anger", "surprise", "sadness"]


@pytest.mark.parametrize(
    "rest",
    [
        {},
        None,
        "note",
        {0: [0, 1], 1039: [2]},
        {0: [1, 1], 1039: [2], 1153: [1, 2]},
        {0: [0, 1], 1039: [2], 1153: [9, 2]},
    ],
    ids=["empty", "none", "text", "part", "neutral is positive", "number 9"],
)
def test_meld_whose_last_part_is_no_sentiment(file, rest):
    corpus = read_conversations(write(file, meld(sentiments=rest)), MELD)
    assert "sentiment" not in corpus.X
    assert any(note.startswith("a part that is not read") for note in corpus.notes)
    assert len(corpus) == 5


def test_meld_with_other_numbers(file):
    parts = meld()
    for role, part in parts.items():
        if isinstance(part, dict):
            parts[role] = {{0: 7, 1039: 8, 1153: 9}[key]: values for key, values in part.items()}
    corpus = read_conversations(write(file, parts | {"train": [7, 8], "test": [9]}), MELD)
    assert corpus.X.index.tolist() == ["dia7_utt0", "dia7_utt1", "dia8_utt0", "dia9_utt0", "dia9_utt3"]
    assert corpus.X["split"].tolist() == ["train", "train", "train", "test", "test"]
    assert corpus.X["dialogue"].tolist() == ["7", "7", "8", "9", "9"]
    assert any("not numbered as usual" in note for note in corpus.notes)


TEXTS = "text1 text2 text3 text4"


@pytest.mark.parametrize(
    ("card", "parts", "roles", "form", "views"),
    [
        (
            IEMOCAP,
            four(iemocap()),
            f"ids speakers labels {TEXTS} audio visual sentences train test",
            "four layers of text beside sound and image, for IEMOCAP",
            ["text_erc1", "text_erc2", "text_erc3", "text_erc4", "audio_erc", "visual_erc"],
        ),
        (
            MELD,
            four(meld()),
            f"ids speakers labels {TEXTS} audio visual sentences train test sentiments",
            "four layers of text beside sound and image, for MELD",
            ["text_erc1", "text_erc2", "text_erc3", "text_erc4", "audio_erc", "visual_erc"],
        ),
        (
            IEMOCAP,
            four(iemocap()) | {"dev": []},
            f"speakers labels {TEXTS} sentences train test dev",
            "COSMIC for IEMOCAP",
            ["text_erc1", "text_erc2", "text_erc3", "text_erc4"],
        ),
        (
            MELD,
            four(meld(train=[0])) | {"dev": [1039]},
            f"speakers labels sentiments {TEXTS} sentences train test dev",
            "COSMIC for MELD",
            ["text_erc1", "text_erc2", "text_erc3", "text_erc4"],
        ),
        (IEMOCAP, iemocap(), "ids labels speakers sentences train test", "GCNet, labels without features", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_forms(file, card, parts, roles, form, views):
    corpus = read_conversations(write(file, parts, roles), card)
    assert corpus.notes[0] == f"features by dialogue in the form of {form}"
    assert corpus.views == views
    assert len(corpus) == 5
    for i, view in enumerate(view for view in views if view.startswith("text")):
        assert features_of(corpus.X, view)[0].tolist() == [10.0 * (i + 1) + j for j in range(5)]
    if card is MELD:
        assert corpus.X["split"].tolist() == ["train", "train", "dev", "test", "test"]
        assert corpus.X["sentiment"].tolist() == ["neutral", "positive", "negative", "positive", "negative"]
    else:
        assert corpus.X["speaker"].tolist() == ["Ses01F", "Ses01M", "Ses01F", "Ses05M", "Ses05F"]
        assert corpus.y.tolist() == ["neutral", "happiness", "anger", "frustration", "excitement"]
    named = "ids" in roles
    assert (corpus.X.index[0] in ("Ses01F_impro01_F000", "train_dia0_utt0")) == (named or card is MELD)
    assert any("names no utterances" in note for note in corpus.notes) != named
    assert any("holds no features" in note for note in corpus.notes) == (not views)


def test_ids_of_a_form_without_names(file):
    roles = f"speakers labels {TEXTS} sentences train test dev"
    corpus = read_conversations(write(file, four(iemocap()) | {"dev": []}, roles), IEMOCAP)
    assert corpus.X.index[:2].tolist() == ["Ses01F_impro01[0]", "Ses01F_impro01[1]"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"train": 1}, "holds a dict of 1 with int"),
        (np.arange(3), "holds a ndarray of 3"),
        ((1, 2), "holds 2 parts.*int, int"),
        (tuple(iemocap().values())[:-1], "holds 8 parts.*dict of 2 with texts.*dict of 2 with numbers.*set of 1"),
        (tuple(iemocap(labels={FIRST: ["neu"], LAST: ["fru"]}).values()), "holds 9 parts"),
        (tuple(iemocap(text={FIRST: [1.0], LAST: [np.zeros(3)]}).values()), "dict of 2 with several things"),
        (tuple(iemocap(text={}).values()), "dict of 0 with nothing"),
        (tuple(iemocap(text={FIRST: np.zeros((3, 4, 5))}).values()), "dict of 1 with larger arrays"),
    ],
)
def test_unknown_forms(file, value, found):
    file.write_bytes(pickle.dumps(value, 2))
    with pytest.raises(CorpusError, match=rf"(?s){found}.*Known.*MMGCN for MELD \(ids speakers labels"):
        read_conversations(file, IEMOCAP)


def test_corpora_are_not_mixed_up(file):
    with pytest.raises(CorpusError, match="dialogues such as '0', which are not of 'iemocap'"):
        read_conversations(write(file, meld()), IEMOCAP)
    with pytest.raises(CorpusError, match="dialogues such as 'Ses01F_impro01', which are not of 'meld'"):
        read_conversations(write(file, iemocap()), MELD)


@pytest.mark.parametrize(
    ("odd", "told"), [(6, "labels '6'"), (-2, "labels '-2'"), (1.5, "labels '1.5'"), (np.nan, "nan")]
)
def test_labels_out_of_range(file, odd, told):
    with pytest.raises(CorpusError, match=rf"{told}.*0 hap, 1 sad, 2 neu, 3 ang, 4 exc, 5 fru.*classes"):
        read_conversations(write(file, iemocap(labels={FIRST: [5, odd, 3], LAST: [0, 1]})), IEMOCAP)


def test_files_of_other_classes_are_not_misread(file):
    """Files of four classes number them in an order of their own."""
    write(file, iemocap(labels={FIRST: [0, 1, 2], LAST: [3, -1]}))
    with pytest.raises(CorpusError, match=r"no label above 3.*classes="):
        read_conversations(file, IEMOCAP)
    corpus = read_conversations(file, IEMOCAP, classes=["neu", "ang", "sad", "hap"])
    assert corpus.y.tolist() == ["neutral", "anger", "sadness", "happiness", None]
    assert corpus.X["original_label"].tolist() == ["neu", "ang", "sad", "hap", None]
    assert [fault for id_, fault in corpus.validate().to_numpy() if id_.endswith("F005")] == ["no label"]
    with pytest.raises(UnknownNameError, match="Unknown emotion 'mild'"):
        read_conversations(file, IEMOCAP, classes=["neu", "ang", "sad", "mild"])


def test_another_corpus_needs_classes(file):
    card = CorpusCard("mine", "My own")
    parts = {role: {"a": part[FIRST]} if isinstance(part, dict) else part for role, part in iemocap().items()}
    write(file, parts | {"train": ["a"], "test": [], "labels": {"a": [0, 1, 0]}, "ids": {"a": [4, 5, 6]}})
    with pytest.raises(CorpusError, match="classes="):
        read_conversations(file, card)
    corpus = read_conversations(file, card, classes=["sad", "angry"])
    assert corpus.y.to_dict() == {"a[4]": "sadness", "a[5]": "anger", "a[6]": "sadness"}
    assert corpus.X["speaker"].tolist() == ["a:F", "a:M", "a:F"]


def test_dialogue_whose_parts_differ_is_left_out(file):
    parts = iemocap()
    parts["audio"] = {FIRST: vectors(2, 2), LAST: parts["audio"][LAST]}
    corpus = read_conversations(write(file, parts), IEMOCAP)
    assert corpus.X["dialogue"].unique().tolist() == [LAST]
    assert corpus.faults[0] == (
        FIRST,
        "the dialogue was left out, since its parts differ in length: ids 3, speakers 3, labels 3, text_erc 3, "
        "audio_erc 2, visual_erc 3, sentences 3",
    )
    assert f"left out 1 dialogues whose parts differ in length: '{FIRST}'" in corpus.notes
    parts["ids"][LAST].pop()
    with pytest.raises(CorpusError, match=r"No dialogue of .* is whole"):
        read_conversations(write(file, parts), IEMOCAP)


def test_features_that_lack_are_missing(file):
    parts = iemocap()
    parts["audio"] = {LAST: parts["audio"][LAST]}
    parts["visual"][FIRST] = [np.zeros(3), np.zeros(2), np.zeros(3)]
    parts["text"][FIRST][1] = np.array([np.inf, 1, -np.inf, np.nan])
    corpus = read_conversations(write(file, parts), IEMOCAP)
    assert np.isnan(features_of(corpus.X, ["audio_erc", "visual_erc"])[:3]).all()
    assert np.isfinite(features_of(corpus.X, ["audio_erc", "visual_erc"])[3:]).all()
    np.testing.assert_array_equal(features_of(corpus.X, "text_erc")[1], [np.nan, 1, np.nan, np.nan])
    told = "is missing: the file has none, or vectors of several lengths"
    assert corpus.faults == ((FIRST, f"audio_erc {told}"), (FIRST, f"visual_erc {told}"))
    assert "2 infinite numbers of text_erc were taken as missing" in corpus.notes


def test_dialogue_of_another_width(file):
    parts = meld()
    parts["audio"][1039] = vectors(1, 7)
    corpus = read_conversations(write(file, parts), MELD)
    assert corpus.faults == (("1039", "audio_erc is missing: it has not 3 numbers here as elsewhere"),)
    assert np.isnan(features_of(corpus.X, "audio_erc")).all(axis=1).tolist() == [False, False, True, False, False]


def test_split_that_does_not_fit(file):
    parts = iemocap(train=[FIRST, LAST, "Ses02F_impro01"])
    corpus = read_conversations(write(file, parts), IEMOCAP)
    assert corpus.X["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert corpus.faults == (
        ("Ses02F_impro01", "the dialogue is listed in train, but is not there"),
        (LAST, "the dialogue is listed in train and counts for test"),
    )
    corpus = read_conversations(write(file, iemocap(test=np.array([LAST]), train=[])), IEMOCAP)
    assert corpus.X["split"].tolist() == [None] * 3 + ["test"] * 2
    assert f"1 dialogues are in no part of the split: '{FIRST}'" in corpus.notes


def test_names_twice_and_voices_that_differ(file):
    parts = iemocap()
    parts["ids"][FIRST][2] = f"{FIRST}_F000"
    parts["speakers"][FIRST][1] = "F"
    corpus = read_conversations(write(file, parts), IEMOCAP)
    assert len(corpus) == 4
    assert corpus.X.loc[f"{FIRST}_M000", "speaker"] == "Ses01M"
    assert corpus.faults == (
        (f"{FIRST}_M000", "speaks with the voice 'F' in the file, and 'M' by its name"),
        (f"{FIRST}_F000", "there are two utterances of this name, of which the first was read"),
    )


def test_persons_that_are_unclear(file):
    parts = meld()
    parts["speakers"][0] = [[0.0] * 9, [1.0] * 9]
    corpus = read_conversations(write(file, parts), MELD)
    assert corpus.X["speaker"].isna().tolist() == [True, True, False, False, False]
    assert "the speakers of 2 utterances are not known" in corpus.notes


def test_code_is_refused(file, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'mark'}",)

    with pytest.raises(CorpusError, match=r"\.system, which is refused"):
        read_conversations(write(file, iemocap(train=[Evil()])), IEMOCAP)
    assert not (tmp_path / "mark").exists()
    with pytest.raises(CorpusError, match="does not exist"):
        read_conversations(tmp_path / "none.pkl", IEMOCAP)
