"""CREMA-D: toy folders of generated sounds, tables in the owner's form, and 7,442 names."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
import soundfile

from ferfusion import cite, load_corpus
from ferfusion.base.errors import CorpusError, UnknownNameError
from ferfusion.corpora.cremad import CARD, EMOTIONS, SENTENCES, load

CLIPS = ["1001_DFA_ANG_XX", "1001_IEO_HAP_LO", "1002_IEO_NEU_XX", "1002_TSI_SAD_XX"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b2592487c75\nsize 72862\n"
# as the owner's table has it, whose first column has no name
COUNTS = """"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote"
"100001",0,0,0,1,3,0,"1001_IEO_HAP_LO",4,0.75,"N"
"100002",5,5,0,0,0,0,"1001_DFA_ANG_XX",10,0.5,"A:D"
"107443",1,0,0,0,0,0,"ANG_HI_practice",1,1,"A"
"200001",0,0,0,8,0,0,"1001_IEO_HAP_LO",8,1,"H"
"200002",9,0,0,0,1,0,"1001_DFA_ANG_XX",10,0.9,"A"
"300001",0,0,0,9,1,0,"1001_IEO_HAP_LO",10,0.9,"H"
"""
SUMMARY = """"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"
"1","1001_IEO_HAP_LO","N","71.67","H","57","H","57.38"
"2","1001_DFA_ANG_XX","A:D","37.2:58.6","A","45.5","A","44.2"
"""
PEOPLE = """"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1002,21,"Female","Caucasian","Hispanic"
"""


def sound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 16000, format="WAV")
    return path


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def tables(root):
    put(root / "VideoDemographics.csv", PEOPLE)
    put(root / "processedResults" / "summaryTable.csv", SUMMARY)
    put(root / "processedResults" / "tabulatedVotes.csv", COUNTS)


@pytest.fixture
def folder(tmp_path):
    for i, clip in enumerate(CLIPS):
        sound(tmp_path / "cremad" / "AudioWAV" / f"{clip}.wav", i)
    return tmp_path / "cremad"


def test_names_say_everything(folder):
    corpus = load(folder)
    assert corpus.y.to_dict() == dict(zip(CLIPS, ["anger", "happiness", "neutral", "sadness"], strict=True))
    assert corpus.X.loc["1001_IEO_HAP_LO"].to_dict() == {
        "audio": str(folder / "AudioWAV" / "1001_IEO_HAP_LO.wav"),
        "text": "It's eleven o'clock",
        "speaker": "1001",
        "sentence": "IEO",
        "intensity": "low",
        "language": "en",
        "corpus": "cremad",
        "original_label": "HAP",
    }
    assert corpus.X.loc["1002_TSI_SAD_XX", ["text", "intensity"]].tolist() == ["The surface is slick", "unspecified"]
    assert corpus.soft is None
    assert corpus.notes == ()
    assert corpus.faults == ()


def test_tables_of_the_owner(folder):
    tables(folder)
    corpus = load(folder)
    facts = ["gender", "age", "race", "ethnicity", "voice_vote", "face_vote", "multimodal_vote"]
    assert corpus.X.loc["1001_DFA_ANG_XX", facts].tolist() == [
        *["male", 51, "Caucasian", "Not Hispanic"],
        *["anger:disgust", "anger", "anger"],
    ]
    assert corpus.X.loc["1002_TSI_SAD_XX", "gender"] == "female"
    assert corpus.X.loc["1002_TSI_SAD_XX", facts[4:]].isna().all()
    # what was meant stays the label
    assert corpus.y["1001_IEO_HAP_LO"] == "happiness"
    assert corpus.X.loc["1001_IEO_HAP_LO", "voice_vote"] == "neutral"
    assert corpus.soft.columns.tolist() == list(EMOTIONS.values())
    assert corpus.soft.loc["1001_DFA_ANG_XX"].tolist() == [0.5, 0.5, 0, 0, 0, 0]
    assert corpus.soft.loc["1001_IEO_HAP_LO", ["happiness", "neutral"]].tolist() == [0.25, 0.75]
    assert corpus.soft.loc["1002_TSI_SAD_XX"].isna().all()
    assert corpus.notes == (
        "what is known of the actors joined from VideoDemographics.csv for 4 of 4 clips",
        "votes joined from summaryTable.csv for 2 of 4 clips",
        "soft labels are the shares of votes on the voice in tabulatedVotes.csv",
    )


@pytest.mark.parametrize(("votes", "shares"), [("face", [0.0, 1.0]), ("multimodal", [0.1, 0.9])])
def test_whose_votes(folder, votes, shares):
    tables(folder)
    soft = load_corpus("cremad", folder, votes=votes).soft
    assert soft.loc["1001_IEO_HAP_LO", ["neutral", "happiness"]].tolist() == shares


def test_votes_of_nobody(folder):
    with pytest.raises(UnknownNameError, match=r"Unknown kind of votes 'faces'. Did you mean 'face'"):
        load(folder, votes="faces")


def test_tables_are_found_beside_the_folder_of_the_recordings(folder):
    tables(folder)
    corpus = load(folder / "AudioWAV")
    assert len(corpus.notes) == 3
    assert corpus.soft.loc["1001_IEO_HAP_LO", "neutral"] == 0.75


def test_tables_of_another_form_are_told_and_passed_over(folder):
    put(folder / "VideoDemographics.csv", "a,b\n1,2\n")
    put(folder / "summaryTable.csv", "")
    put(folder / "tabulatedVotes.csv", "fileName,A,D,F,H,N,S\n1001_DFA_ANG_XX,1,0,0,0,0,0\n")
    corpus = load(folder)
    assert corpus.soft is None
    assert "gender" not in corpus.X
    assert "voice_vote" not in corpus.X
    assert [note.split(" was not joined: ")[0] for note in corpus.notes] == [
        "VideoDemographics.csv",
        "summaryTable.csv",
        "tabulatedVotes.csv",
    ]
    assert "'actorid', 'age'" in corpus.notes[0]
    assert "not numbered as the owner's are" in corpus.notes[2]


def test_sound_is_read_once_and_wav_preferred(folder):
    for i, clip in enumerate([*CLIPS, "1003_IOM_FEA_XX"]):
        sound(folder / "AudioMP3" / f"{clip}.mp3", i)
        put(folder / "VideoFlash" / f"{clip}.flv", "a video")
    put(folder / "VideoFlash" / "1004_IOM_FEA_XX.flv", "a video")
    corpus = load(folder)
    assert len(corpus) == 6
    assert corpus.X.loc[CLIPS, "audio"].str.endswith(".wav").all()
    assert corpus.X.loc["1003_IOM_FEA_XX", "audio"] == str(folder / "AudioMP3" / "1003_IOM_FEA_XX.mp3")
    assert corpus.X.loc["1001_DFA_ANG_XX", "video"] == str(folder / "VideoFlash" / "1001_DFA_ANG_XX.flv")
    row = corpus.X.loc["1004_IOM_FEA_XX"]
    assert row["audio"] == row["video"]
    assert corpus.notes == (
        "1 clips have no better sound than their MP3 files: '1003_IOM_FEA_XX'",
        "1 clips have no better sound than their videos: '1004_IOM_FEA_XX'",
    )


def test_wav_is_preferred_wherever_it_lies(tmp_path):
    sound(tmp_path / f"{CLIPS[0]}.mp3")
    path = sound(tmp_path / "CREMA-D" / "AudioWAV" / f"{CLIPS[0]}.wav")
    assert load(tmp_path).X["audio"].tolist() == [str(path)]


def test_clips_without_video_have_none(folder):
    put(folder / "VideoFlash" / f"{CLIPS[0]}.flv", "a video")
    assert load(folder).X["video"].notna().tolist() == [True, False, False, False]


def test_pointers_of_git_lfs(folder):
    put(folder / "AudioWAV" / "1005_IOM_FEA_XX.wav", POINTER)
    put(folder / "AudioWAV" / "1006_IOM_FEA_XX.wav", POINTER)
    put(folder / "VideoFlash" / f"{CLIPS[0]}.flv", POINTER)
    sound(folder / "AudioMP3" / "1006_IOM_FEA_XX.mp3", 6)
    corpus = load(folder)
    assert len(corpus) == 5
    assert corpus.X.loc["1006_IOM_FEA_XX", "audio"].endswith(".mp3")
    assert "video" not in corpus.X
    assert corpus.notes[0].startswith("left out 2 files that are pointers of Git LFS, not recordings: '1005_IOM")
    assert f"videos: left out 1 files that are pointers of Git LFS, not recordings: '{CLIPS[0]}'" in corpus.notes[-1]
    assert corpus.faults == (("1005_IOM_FEA_XX", "a pointer of Git LFS, not a recording: run 'git lfs pull'"),)


def test_nothing_but_pointers(tmp_path):
    for clip in CLIPS:
        put(tmp_path / "AudioWAV" / f"{clip}.wav", POINTER)
    with pytest.raises(CorpusError, match=r"found 4 pointers of Git LFS.*git lfs pull"):
        load(tmp_path)


def test_the_file_without_its_second_x(folder):
    path = sound(folder / "AudioWAV" / "1040_ITH_SAD_X.wav", 7)
    put(folder / "tabulatedVotes.csv", COUNTS + '"100003",0,0,0,0,1,3,"1040_ITH_SAD_X",4,0.75,"S"\n')
    corpus = load(folder)
    assert corpus.X.loc["1040_ITH_SAD_XX", ["audio", "intensity"]].tolist() == [str(path), "unspecified"]
    assert corpus.soft.loc["1040_ITH_SAD_XX", "sadness"] == 0.75


def test_broken_clips(folder):
    silent = folder / "AudioWAV" / "1076_MTI_SAD_XX.wav"
    soundfile.write(silent, np.zeros(800), 16000)
    sound(folder / "AudioWAV" / "1064_IEO_DIS_MD.wav", 8)
    sound(folder / "AudioMP3" / "1064_TIE_SAD_XX.mp3", 9)
    put(folder / "VideoFlash" / "1064_IEO_DIS_MD.flv", "a video")
    corpus = load(folder)
    assert {"1076_MTI_SAD_XX", "1064_IEO_DIS_MD", "1064_TIE_SAD_XX"} <= set(corpus.X.index)
    assert dict(corpus.faults) == {
        "1064_IEO_DIS_MD": ("the owner calls its video broken: a minute long, with all emotions one after the other"),
        "1064_TIE_SAD_XX": "the owner calls its sound broken: no duration",
        "1076_MTI_SAD_XX": "the owner calls its sound broken: no sound, very short",
    }
    faults = corpus.validate()
    assert faults.loc[faults["id"] == "1076_MTI_SAD_XX", "fault"].str.contains("silent").any()


def test_unknown_codes_are_left_out(folder):
    others = ["1092_DFA_ANG_XX", "1001_ABC_ANG_XX", "1001_DFA_SUR_XX", "1001_DFA_ANG_ZZ"]
    for i, clip in enumerate(others):
        sound(folder / "AudioWAV" / f"{clip}.wav", 10 + i)
    corpus = load(folder)
    assert corpus.X.index.tolist() == CLIPS
    assert corpus.notes[0].startswith("left out 4 files with codes that CREMA-D does not have: '1001_ABC_ANG_XX.wav'")


def test_copies_and_other_letters(folder):
    for i, clip in enumerate(CLIPS):
        sound(folder / "AudioWAV" / "AudioWAV" / f"{clip}.wav", i)
    sound(folder / "AudioWAV" / "1003_iom_fea_xx.WAV", 9)
    (folder / "AudioWAV" / f"._{CLIPS[0]}.wav").write_bytes(b"a Mac's notes")
    corpus = load(folder)
    assert corpus.X.index.tolist() == [*CLIPS, "1003_IOM_FEA_XX"]
    assert corpus.notes == ("4 files stand there twice under the same name and were read once",)


def test_wrong_and_half_folders(folder, tmp_path):
    faults = load(folder).validate(read=False)["fault"].tolist()
    assert "disgust: 1271 utterances expected, 0 found" in faults
    assert "91 speakers expected, 2 found" in faults
    sound(tmp_path / "other" / "OAF_back_sad.wav")
    with pytest.raises(CorpusError, match=r"expected a folder AudioWAV.*1 recordings such as 'OAF_back_sad\.wav'"):
        load(tmp_path / "other")


def test_folder_by_environment(folder, monkeypatch):
    monkeypatch.setenv("FERFUSION_DATA", str(folder.parent))
    assert len(load_corpus("cremad")) == 4
    assert "Nenkova" in cite("cremad")


def all_clips():
    """Every actor: IEO in three intensities, all else once; 20 of these are not in the owner's repository."""
    clips = []
    for actor in range(1001, 1092):
        for sentence in SENTENCES:
            for code in EMOTIONS:
                levels = ("LO", "MD", "HI") if sentence == "IEO" and code != "NEU" else ("XX",)
                clips += [f"{actor}_{sentence}_{code}_{level}" for level in levels]
    # which ones lack is not known but for one; how many of an emotion do is
    lacking = {code: 5 if code == "NEU" else 3 for code in EMOTIONS}
    gone = {clip for code, n in lacking.items() for clip in [c for c in clips if f"_TIE_{code}_" in c][1 : n + 1]}
    return [clip for clip in clips if clip not in gone]


def test_all_names(tmp_path):
    one = sound(tmp_path / "one.wav")
    home = tmp_path / "cremad" / "AudioWAV"
    home.mkdir(parents=True)
    clips = all_clips()
    for clip in clips:
        os.link(one, home / f"{clip}.wav")
    corpus = load(tmp_path / "cremad")
    assert len(corpus) == len(clips) == 7442
    assert corpus.y.value_counts().to_dict() == CARD.emotions
    assert CARD.emotions["neutral"] == 1087
    assert CARD.emotions["fear"] == 1271
    assert corpus.X["speaker"].nunique() == 91
    assert corpus.X["text"].nunique() == 12
    assert corpus.X["intensity"].value_counts().to_dict() == {
        "unspecified": 6077,
        "low": 455,
        "medium": 455,
        "high": 455,
    }
    faults = corpus.validate(read=False)
    assert faults["id"].tolist() == ["1076_MTI_SAD_XX"]
    assert len(corpus.folds("speaker")) == 91
    assert pd.Index(corpus.X.index).is_unique
