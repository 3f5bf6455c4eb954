"""``ferfusion corpora``: cards, copies and manifests checked, described and fetched."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from ferfusion import list_corpora
from ferfusion.base.errors import CorpusError, FerfusionError, UnknownNameError
from ferfusion.cli.common import open_corpus
from ferfusion.corpora import check_manifest, iemocap, read_manifest, write_manifest
from ferfusion.corpora.registry import corpus_modules


def test_list(call, monkeypatch):
    rows = call("corpora", "--json").json
    assert [row["name"] for row in rows] == list_corpora().index.tolist()
    assert all(isinstance(row["speakers"], int | None) for row in rows)
    assert {row["name"]: row["fetched"] for row in rows} == {
        name: bool(module.CARD.downloads) for name, module in corpus_modules().items()
    }
    text = call("corpora").out
    assert "ravdess" in text
    assert "title" not in text
    monkeypatch.setattr("ferfusion.cli.common.console.width", 160)
    wide = next(line for line in call("corpora").out.split("\n") if "emodb" in line)
    assert "Berlin" in wide
    assert ("download" in wide) == bool(corpus_modules()["emodb"].CARD.downloads)


def test_card(call):
    assert call("corpora", "emodb", "--json").json["emotions"]["anger"] == 127
    card = corpus_modules()["emodb"].CARD
    text = call("corpora", "emodb").text
    assert "535 utterances, 10 speakers: anger 127" in text
    assert "protocol stratified: random 10-fold, speakers overlap" in text
    assert "@inproceedings{burkhardt2005_emodb," in text
    assert f"sampling rate: {card.sampling_rate} Hz" in text
    assert f"tested on: {card.tested_on}" in text
    with pytest.raises(UnknownNameError, match="Did you mean 'ravdess'"):
        call("corpora", "ravdes")


def test_card_of_a_corpus_that_one_has_to_ask_for(call):
    card = next(module.CARD for module in corpus_modules().values() if module.CARD.ask)
    text = call("corpora", card.name).out
    assert f"ask: {card.ask}" in text
    free = next(module.CARD for module in corpus_modules().values() if module.CARD.downloads)
    assert f"fetch: ferfusion corpora download {free.name}" in call("corpora", free.name).out


def test_a_copy_is_checked(call, manifest, tmp_path):
    made = call("corpora", manifest, "--data", manifest.parent, "--json").json
    assert made["n_utterances"] == 40
    assert made["faults"] == []
    assert "no faults" in call("corpora", manifest).text
    folder = tmp_path / "emodb"
    folder.mkdir()
    sound = next((manifest.parent / "audio").glob("*.wav"))
    (folder / "03a01Wa.wav").write_bytes(sound.read_bytes())
    (folder / "99a01Wa.wav").write_bytes(sound.read_bytes())
    found = call("corpora", "emodb", "--data", folder, "--json").json
    assert call("corpora", "--data", folder, "emodb", "--json").json == found
    assert found["classes"] == {"anger": 1}
    assert {"id": "", "fault": "10 speakers expected, 1 found"} in found["faults"]
    text = call("corpora", "emodb", "--data", folder).text
    assert "note: left out 99a01Wa.wav" in text
    assert "03a01Wa: the only row of 'anger'" in text
    assert f"{len(found['faults'])} faults" in text


@pytest.mark.parametrize("command", ["validate", "describe", "download"])
def test_help_shows_an_example(call, command):
    assert f"ferfusion corpora {command}" in call("corpora", command, "--help").out.split("For example:")[1]


def test_help_names_the_commands(call):
    text = call("corpora", "--help").text
    for command in ("validate", "describe", "download"):
        assert f"{command} " in text.split("Commands:")[1]
    assert "[NAME [--data FOLDER] | COMMAND ...]" in text
    assert "No such option" in call("corpora", "--nonsense", code=2).err


def test_validate(call, manifest, tmp_path):
    assert call("corpora", "validate", manifest).text == "no faults"
    assert call("corpora", "validate", manifest, "--json").json == []
    table = pd.read_csv(manifest).assign(audio=lambda t: [str(manifest.parent / path) for path in t["audio"]])
    table.loc[3, "audio"] = "none.wav"
    table.loc[5, "emotion"] = None
    path = tmp_path / "mine.csv"
    table.drop(columns="speaker").to_csv(path, index=False)
    found = call("corpora", "validate", path, "--json", code=1).json
    assert [(row["line"], row["id"]) for row in found] == [(0, ""), (5, table["id"][3]), (7, table["id"][5])]
    assert found == check_manifest(path).to_dict("records")
    text = call("corpora", "validate", path, code=1).text
    assert "no label" in text
    assert text.endswith("2 faults, 1 remarks")
    assert text.startswith(str(path)[:40])


def test_remarks_are_no_faults(call, manifest, tmp_path):
    table = pd.read_csv(manifest).rename(columns={"emotion": "mood"}).drop(columns=["audio", "text"])
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    assert "no faults, 1 remarks" in call("corpora", "validate", path).text
    assert call("corpora", "validate", path, "--emotion", "mood", "--json").json == []
    with_table = call("corpora", "validate", path, "--table", "x", "--json", code=1).json
    assert "is for audformat databases" in with_table[0]["fault"]


def test_validate_cuts_nothing(call, tmp_path):
    path = tmp_path / "mine.csv"
    folder = "sub" * 30
    path.write_text(f"id,audio,speaker,emotion\na,{folder}/a.wav,1,anger\n")
    out = call("corpora", "validate", path, code=1).out
    assert "…" not in out
    (fault,) = [row["fault"] for row in check_manifest(path).to_dict("records") if "does not exist" in row["fault"]]
    shown = "".join(line.split("│")[3].strip() for line in out.split("\n") if line.count("│") == 4)
    assert fault.replace(" ", "") in shown.replace(" ", "")


def test_describe(call, manifest, tmp_path):
    plot = tmp_path / "deep" / "mine.png"
    made = call("corpora", "describe", manifest, "--plot", plot, "--json").json
    assert (made["n_utterances"], made["plot"]) == (40, str(plot))
    assert made["classes"] == read_manifest(manifest).describe().classes
    assert plot.read_bytes().startswith(b"\x89PNG")
    text = call("corpora", "describe", manifest, "--plot", tmp_path / "mine.svg").out
    assert text == f"{read_manifest(manifest).describe()}\npicture     {tmp_path / 'mine.svg'}\n"
    with pytest.raises(FerfusionError, match="cannot be written: Format 'xyz' is not supported"):
        call("corpora", "describe", manifest, "--plot", tmp_path / "mine.xyz")
    with pytest.raises(UnknownNameError, match="Did you mean 'emodb'"):
        call("corpora", "describe", "emobd")


def test_describe_of_every_kind_of_manifest(call, manifest, tmp_path):
    corpus = read_manifest(manifest)
    for name in ("m.jsonl", "m.parquet"):
        path = write_manifest(corpus, tmp_path / name)
        assert call("corpora", "describe", path, "--json").json["n_utterances"] == 40
        assert call("corpora", "validate", path).text == "no faults"


def test_download(call, monkeypatch, tmp_path):
    asked = []

    def fetch(card, root, *, progress):
        asked.append((card.name, root, progress))
        return tmp_path / card.name

    monkeypatch.setattr("ferfusion.cli.corpora.download_corpus", fetch)
    made = call("corpora", "download", "emodb", "--data", tmp_path, "--json").json
    assert made["folder"] == str(tmp_path / "emodb")
    assert str(tmp_path / "emodb") in call("corpora", "download", "emodb").out
    assert asked == [("emodb", tmp_path, False), ("emodb", None, True)]
    with pytest.raises(UnknownNameError, match="Did you mean 'emodb'"):
        call("corpora", "download", "emobd")


def test_what_cannot_be_downloaded(call, tmp_path):
    with pytest.raises(CorpusError, match="cannot be fetched"):
        call("corpora", "download", "synthetic", "--data", tmp_path)


def test_exit_code_of_an_error():
    code = "from ferfusion.cli.main import run; run()"
    words = [sys.executable, "-c", code, "corpora", "describe", "none.csv", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: The table none.csv does not exist")
    assert done.stdout == ""


def test_classes(call, manifest, tmp_path):
    early = ("--system", "baseline_early", "--views", "visual", "--jobs", 1)
    found = call("run", *early, "-c", manifest, "--classes", "valence", "--json").json
    assert any("labels by valence: 3 classes" in note for note in found["notes"])
    path = tmp_path / "mine.skops"
    call("train", *early, "-c", manifest, "--classes", "arousal", "-o", path, "--json")
    sidecar = json.loads(next(tmp_path.glob("mine*.json")).read_text())
    assert sidecar["classes"] == ["high", "low"]
    with pytest.raises(UnknownNameError, match="Did you mean 'valence'"):
        call("run", *early, "-c", manifest, "--classes", "valenc")


def test_a_loader_that_knows_more_labels_is_asked_for_them(monkeypatch, toy, tmp_path):
    asked = []

    def load(root=None, *, classes="four_class"):
        asked.append(classes)
        return toy()

    monkeypatch.setattr(iemocap, "load", load)
    open_corpus("iemocap", tmp_path, classes="six_class")
    coarse = open_corpus("iemocap", tmp_path, classes="arousal")
    open_corpus("iemocap", tmp_path)
    assert asked == ["six_class", "all", "four_class"]
    assert set(coarse.y) == {"high", "low"}
