"""Tables of OpenFace and py-feat are read as their tools write them; only what was seen well counts."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, UnknownNameError
from ferfusion.features import Views
from ferfusion.features.audio.reading import Recording
from ferfusion.features.visual.action_units import ActionUnits, statistics_of
from ferfusion.features.visual.tables import main_face, read_openface, read_pyfeat

UNITS = [f"{unit:02}" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)]
PYFEAT_UNITS = [f"{unit:02}" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)]
EMOTIONS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]


def openface(n=6, fps=30.0, face=None, **columns):
    """Rows as OpenFace 2 writes them; units are 0 unless given."""
    rows = {"frame": np.arange(1, n + 1)}
    if face is not None:
        rows["face_id"] = np.full(n, face)
    rows |= {"timestamp": np.round(np.arange(n) / fps, 3), "confidence": np.full(n, 0.98), "success": np.ones(n, int)}
    rows |= {"gaze_0_x": np.full(n, 0.1), "gaze_angle_x": np.full(n, 0.02), "gaze_angle_y": np.full(n, -0.1)}
    rows |= {f"pose_{axis}": np.full(n, 1.5) for axis in ("Tx", "Ty", "Tz", "Rx", "Ry", "Rz")}
    rows |= {f"x_{i}": np.full(n, 300.0 + i) for i in range(68)}
    rows |= {f"AU{unit}_r": np.zeros(n) for unit in UNITS}
    rows |= {f"AU{unit}_c": np.zeros(n) for unit in [*UNITS[:-1], "28", "45"]}
    return pd.DataFrame(rows | {name: np.asarray(values) for name, values in columns.items()})


def pyfeat(n=6, **columns):
    """Rows as py-feat writes them."""
    rows = {"FaceRectX": np.full(n, 9.0), "FaceRectWidth": np.full(n, 200.0), "FaceRectHeight": np.full(n, 250.0)}
    rows |= {"FaceScore": np.full(n, 0.999), "x_0": np.full(n, 3.0)}
    rows |= {name: np.full(n, 0.1) for name in ("Pitch", "Roll", "Yaw")}
    rows |= {f"AU{unit}": np.full(n, 0.2) for unit in PYFEAT_UNITS}
    rows |= {
        name: np.full(n, 1 / 7) for name in ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    }
    rows |= {"input": ["001.mp4"] * n, "frame": np.arange(n), "approx_time": ["00:00"] * n}
    return pd.DataFrame(rows | {name: np.asarray(values) for name, values in columns.items()})


def write(path, table, blanks=True):
    """OpenFace 2.0 has a blank behind each comma, later ones have not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False)
    if blanks:
        text = "\n".join(line.replace(",", ", ") for line in text.split("\n"))
    path.write_text(text)
    return str(path)


def values(extractor, source):
    return pd.Series(extractor.compute(source), extractor.feature_names(), dtype=float)


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blanks", [True, False])
def test_openface_in_both_spellings(tmp_path, blanks):
    table = read_openface(
        write(tmp_path / "a.csv", openface(AU12_r=[0, 1, 2, 3, 4, 5], AU12_c=[0, 0, 1, 1, 1, 1]), blanks)
    )
    assert table.columns[:5].tolist() == ["frame", "face", "time", "confidence", "success"]
    assert table.shape == (6, 5 + 17 + 18 + 2 + 6)
    assert table["AU12_intensity"].tolist() == [0, 1, 2, 3, 4, 5]
    assert table["AU12_present"].tolist() == [0, 0, 1, 1, 1, 1]
    assert table["time"].tolist() == [0, 0.033, 0.067, 0.1, 0.133, 0.167]
    assert table["frame"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["success"].all()
    assert (table["face"] == 0).all()


def test_openface_with_byte_order_mark_and_few_columns(tmp_path):
    table = openface()[["timestamp", "AU01_r"]]
    (tmp_path / "a.csv").write_text("\ufeff" + table.to_csv(index=False), encoding="utf-8")
    out = read_openface(tmp_path / "a.csv")
    assert out.columns.tolist() == ["frame", "face", "time", "confidence", "success", "AU01_intensity"]
    assert out["frame"].tolist() == [1, 2, 3, 4, 5, 6]
    assert out["success"].all()


def test_pyfeat(tmp_path):
    path = write(tmp_path / "a.csv", pyfeat(AU12=[0, 0.2, 0.4, 0.5, 0.9, np.nan], frame=[0, 2, 4, 6, 8, 10]), False)
    table = read_pyfeat(path, fps=25)
    np.testing.assert_allclose(table["time"], [0, 0.08, 0.16, 0.24, 0.32, 0.4])
    assert table["AU12_present"].tolist()[:5] == [0, 0, 0, 1, 1]
    assert np.isnan(table["AU12_present"].iloc[5])
    assert (table["size"] == 50_000).all()
    assert read_pyfeat(path)["time"].isna().all()


def test_emotions_of_newer_pyfeat(tmp_path):
    newer = pyfeat().rename(columns={"happiness": "Happy", "sadness": "Sad", "anger": "Anger", "neutral": "Neutral"})
    table = read_pyfeat(write(tmp_path / "a.csv", newer, False))
    assert set(EMOTIONS) <= set(table)
    with pytest.raises(FeatureError, match="columns twice: happiness"):
        read_pyfeat(write(tmp_path / "a.csv", pyfeat(Happy=[0.5] * 6), False))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "cannot be read: No columns"),
        (b"a,b\n1,2\n", "no column timestamp"),
        (b"\xff\xfe\x00timestamp\x80,x\n1,2\n", "cannot be read"),
        (b'frame, timestamp\n1, 0\n2, "0.03\n', "cannot be read"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-LFS pointer"),
    ],
)
def test_broken_tables(tmp_path, content, match):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FeatureError, match=match) as caught:
        read_openface(tmp_path / "a.csv")
    assert "a.csv" in str(caught.value)


def test_tables_that_are_not_there(tmp_path):
    with pytest.raises(FeatureError, match="There is no table"):
        read_openface(tmp_path / "a.csv")
    with pytest.raises(FeatureError, match="no table of py-feat: it has no column FaceScore"):
        read_pyfeat(write(tmp_path / "a.csv", openface()))


def test_last_line_cut_off(tmp_path):
    path = Path(write(tmp_path / "a.csv", openface(AU01_r=[1, 1, 1, 1, 1, 1], AU45_c=[1, 1, 1, 1, 1, 1])))
    text = path.read_text().rstrip()
    path.write_text(text[: text.rindex(",")])
    found = values(ActionUnits(statistics=["mean"]), path)
    assert found["AU01_intensity"] == 1
    assert found["AU45_present"] == 1  # of those lines that have it


# --- which face ------------------------------------------------------------------------------------------------------


def test_face_that_is_seen_longest(tmp_path):
    both = pd.concat([openface(3, face=0, AU01_r=[5, 5, 5]), openface(6, face=1, AU01_r=[1, 2, 3, 4, 5, 6])])
    table = main_face(read_openface(write(tmp_path / "a.csv", both)))
    assert table["AU01_intensity"].tolist() == [1, 2, 3, 4, 5, 6]
    both.loc[both["face_id"] == 1, "confidence"] = [0.9, 0.9, 0.2, 0.2, 0.2, 0.2]
    table = main_face(read_openface(write(tmp_path / "a.csv", both)))
    assert table["frame"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["success"].tolist() == [True] * 3 + [False] * 3
    assert table["AU01_intensity"].tolist()[:3] == [5, 5, 5]
    assert table["AU01_intensity"].isna().tolist()[3:] == [True] * 3


def test_faces_seen_as_long(tmp_path):
    both = pd.concat([openface(3, face=0, AU01_r=[5, 5, 5]), openface(3, face=1, AU01_r=[1, 2, 3])])
    assert main_face(read_openface(write(tmp_path / "a.csv", both)))["AU01_intensity"].tolist() == [5, 5, 5]
    both.loc[both["face_id"] == 0, "confidence"] = 0.9
    assert main_face(read_openface(write(tmp_path / "a.csv", both)))["AU01_intensity"].tolist() == [1, 2, 3]


def test_largest_face_of_pyfeat(tmp_path):
    small = pyfeat(3, AU01=[0.1] * 3, FaceRectWidth=[50.0] * 3, FaceScore=[1.0] * 3)
    table = main_face(read_pyfeat(write(tmp_path / "a.csv", pd.concat([pyfeat(3), small]), False)))
    assert table["AU01_intensity"].tolist() == [0.2] * 3
    named = pd.concat([pyfeat(3, Identity=["Person_1"] * 3), small.assign(Identity="Person_0"), small.head(2)])
    named.loc[named["Identity"].isna(), ["Identity", "frame"]] = ["Person_0", 7]
    table = main_face(read_pyfeat(write(tmp_path / "a.csv", named, False)))
    assert table["AU01_intensity"].tolist() == [0.1] * 4  # seen in more pictures
    assert table["frame"].tolist() == [0, 1, 2, 7]


# --- statistics ------------------------------------------------------------------------------------------------------


def test_statistics_by_hand(tmp_path):
    table = openface(4, fps=10, AU12_r=[1.0, 2.0, 4.0, 5.0], AU12_c=[0, 1, 1, 1])
    found = values(ActionUnits(), write(tmp_path / "a.csv", table))
    assert len(found) == 17 * 4 + 18
    assert found["AU12_intensity"] == 3
    assert found["AU12_intensity_std"] == pytest.approx(np.sqrt(2.5))
    assert found["AU12_intensity_max"] == 5
    assert found["AU12_intensity_slope"] == pytest.approx(14.0)
    assert found["AU12_present"] == 0.75
    assert "AU12_present_std" not in found
    assert found["AU01_intensity_slope"] == 0


def test_statistics_of_random_tables():
    rng = np.random.default_rng(0)
    data, times = rng.normal(size=(40, 5)), np.sort(rng.random(40))
    data[rng.random(data.shape) < 0.2] = np.nan
    found = statistics_of(data, times)
    for i, column in enumerate(data.T):
        there = ~np.isnan(column)
        assert found["mean"][i] == pytest.approx(column[there].mean())
        assert found["std"][i] == pytest.approx(column[there].std())
        assert found["max"][i] == column[there].max()
        assert found["slope"][i] == pytest.approx(np.polyfit(times[there], column[there], 1)[0])


def test_pictures_that_are_not_seen_well_do_not_count(tmp_path):
    table = openface(
        6, AU12_r=[1, 0, 3, 0, 5, 9], success=[1, 0, 1, 0, 1, 1], confidence=[0.98, 0.98, 0.9, 0, 0.8, 0.5]
    )
    path = write(tmp_path / "a.csv", table)
    assert values(ActionUnits(), path)["AU12_intensity"] == 3
    assert values(ActionUnits(min_confidence=0.85), path)["AU12_intensity"] == 2
    assert values(ActionUnits(min_confidence=0.4), path)["AU12_intensity_max"] == 9
    frames = ActionUnits(level="frames").compute(path)
    assert frames.shape == (6, 35)
    assert frames.dtype == np.float32
    assert np.isnan(frames).all(axis=1).tolist() == [False, True, False, True, False, True]


def test_no_picture_counts(tmp_path):
    path = write(tmp_path / "a.csv", openface(success=[0] * 6))
    with pytest.raises(FeatureError, match=r"No picture of the video 'u1' \(.*\) shows a face .* of 6 in its table"):
        ActionUnits().compute(Recording(path, name="u1"))


def test_one_picture(tmp_path):
    found = values(ActionUnits(), write(tmp_path / "a.csv", openface(1, AU12_r=[2.0])))
    assert found["AU12_intensity"] == found["AU12_intensity_max"] == 2
    assert found["AU12_intensity_std"] == 0
    assert np.isnan(found["AU12_intensity_slope"])


def test_slopes_of_pyfeat_need_a_rate(tmp_path):
    path = write(tmp_path / "a.csv", pyfeat(3, AU12=[0.1, 0.2, 0.3]), False)
    extractor = ActionUnits(tool="pyfeat", groups=["intensity", "presence", "pose", "emotion"])
    found = values(extractor, path)
    assert len(found) == 20 * 4 + 20 + 3 * 4 + 7 * 4
    assert found["AU12_intensity"] == pytest.approx(0.2)
    assert np.isnan(found["AU12_intensity_slope"])
    assert found["happiness"] == pytest.approx(1 / 7)
    assert values(clone(extractor).set_params(fps=20), path)["AU12_intensity_slope"] == pytest.approx(2.0)


def test_segment(tmp_path):
    table = openface(30, fps=10, AU12_r=np.arange(30))
    path = write(tmp_path / "a.csv", table)
    part = Recording(path, None, 1.0, 1.5)
    assert ActionUnits(level="frames", groups=["intensity"]).compute(part)[:, 8].tolist() == [10, 11, 12, 13, 14]
    assert values(ActionUnits(), Recording(path, None, 2.0))["AU12_intensity"] == np.arange(20, 30).mean()
    with pytest.raises(FeatureError, match="of 0 in its table"):
        ActionUnits().compute(Recording(path, None, 5.0, 6.0))
    feat = write(tmp_path / "b.csv", pyfeat(), False)
    with pytest.raises(FeatureError, match="needs times"):
        ActionUnits(tool="pyfeat").compute(Recording(feat, None, 0.0, 0.1))
    assert ActionUnits(tool="pyfeat", fps=10, level="frames").compute(Recording(feat, None, 0.2, 0.4)).shape == (2, 40)


# --- names and places ------------------------------------------------------------------------------------------------


def test_means_are_named_as_in_tables_of_corpora(corpus_folder):
    published = pd.read_csv(corpus_folder("ravdess_visual") / "action_units.csv", nrows=2)
    names = [f"visual_au__{name}" for name in ActionUnits(statistics=["mean"]).feature_names()]
    assert names == published.columns[1:].tolist()


def test_frames_have_the_names_of_means():
    assert ActionUnits(level="frames").feature_names() == ActionUnits(statistics=["mean"]).feature_names()
    assert len(ActionUnits(groups=["intensity", "presence", "gaze", "pose"], level="frames").feature_names()) == 43


def test_table_beside_the_video(tmp_path):
    write(tmp_path / "Ses01.F_1.csv", openface(AU12_r=[2] * 6))
    found = ActionUnits(statistics=["mean"]).compute(str(tmp_path / "Ses01.F_1.mp4"))  # the video itself is elsewhere
    assert found[8] == 2


def test_tables_in_a_folder(tmp_path):
    write(tmp_path / "tables" / "one.csv", openface(AU12_r=[1] * 6))
    write(tmp_path / "tables" / "Actor_02" / "one.csv", openface(AU12_r=[2] * 6))
    extractor = ActionUnits(statistics=["mean"], folder=str(tmp_path / "tables"))
    assert extractor.compute("/videos/Actor_01/one.mp4")[8] == 1
    assert extractor.compute("/videos/Actor_02/one.mp4")[8] == 2
    with pytest.raises(FeatureError, match=r"'u1' \(two\.mp4\) has no table .* there is no two\.csv in .*tables"):
        extractor.compute(Recording("two.mp4", name="u1"))


def test_table_of_the_other_tool(tmp_path):
    path = write(tmp_path / "a.csv", pyfeat(), False)
    with pytest.raises(FeatureError, match="is one of pyfeat, not of openface: give tool='pyfeat'"):
        ActionUnits().compute(path)
    path = write(tmp_path / "a.csv", openface())
    with pytest.raises(FeatureError, match="is one of openface"):
        ActionUnits("pyfeat").compute(path)


def test_table_without_what_was_asked_for(tmp_path):
    path = write(tmp_path / "a.csv", openface().drop(columns=["gaze_angle_x", "gaze_angle_y"]))
    assert ActionUnits(level="frames").compute(path).shape == (6, 35)
    with pytest.raises(FeatureError, match="lacks 2 of the columns asked for, such as that of gaze_angle_x"):
        ActionUnits(groups=["gaze"]).compute(path)


def test_view_of_a_table_of_videos(tmp_path):
    for name, level in (("a", 1), ("b", 3)):
        write(tmp_path / f"{name}.csv", openface(AU12_r=[level] * 6))
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    (tmp_path / "c.mp4").write_bytes(b"c")
    X = pd.DataFrame({"video": [str(tmp_path / f"{name}.mp4") for name in "abc"]}, index=list("abc"))
    table, faults = Views([("visual_au", ActionUnits())], verbose=False).extract(X)
    assert table["visual_au__AU12_intensity"].tolist()[:2] == [1, 3]
    assert table["visual_au__AU12_intensity"].isna().tolist() == [False, False, True]
    assert faults["id"].tolist() == ["c"]
    assert "has no table of action units: there is no c.csv beside it" in faults["fault"][0]
    frames, _ = Views([("visual_au", ActionUnits(level="frames"))], verbose=False).extract(X)
    assert frames["visual_au__frames"]["a"].shape == (6, 35)


# --- manners ---------------------------------------------------------------------------------------------------------


def test_identity_is_without_the_folder_and_digest_is_of_the_table(tmp_path):
    write(tmp_path / "a.csv", openface())
    write(tmp_path / "x" / "a.csv", openface())
    here, there = ActionUnits(), ActionUnits(folder=str(tmp_path / "x"))
    assert here.fingerprint() == there.fingerprint()
    video = str(tmp_path / "a.mp4")
    assert here.digest(video) == there.digest(video) != ""
    assert here.digest(Recording(video, None, 0.0, 1.0)) != here.digest(video)
    before = here.digest(video)
    write(tmp_path / "a.csv", openface(AU12_r=[1] * 6))
    assert here.digest(video) != before
    assert here.digest(str(tmp_path / "b.mp4")) == here.digest(Recording(np.zeros(10), 16000)) == ""
    parameters = [{"tool": "pyfeat"}, {"level": "frames"}, {"min_confidence": 0.5}, {"statistics": ["mean"]}]
    assert len({ActionUnits(**p).fingerprint() for p in [{}, *parameters]}) == 5


def test_clone_pickle_transform(tmp_path):
    path = write(tmp_path / "a.csv", openface(AU12_r=np.arange(6)))
    extractor = ActionUnits(groups=["intensity"], statistics=["mean", "max"])
    assert (extractor.source, extractor.modality, extractor.frames) == ("video", "visual", False)
    expected = extractor.compute(path)
    for copy in (clone(extractor), pickle.loads(pickle.dumps(extractor))):
        np.testing.assert_array_equal(copy.compute(path), expected)
    table = extractor.fit_transform([path, Path(path)])
    assert table.columns.tolist() == extractor.get_feature_names_out().tolist()
    np.testing.assert_array_equal(table.to_numpy(), [expected, expected])


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"tool": "OpenFace"}, r"tool 'OpenFace'\. Did you mean 'openface'\?"),
        ({"groups": ["emotion"]}, "group of openface 'emotion'"),
        ({"statistics": ["median"]}, "statistic 'median'"),
        ({"level": "lld"}, "level 'lld'"),
    ],
)
def test_unknown_names(parameters, match):
    with pytest.raises(UnknownNameError, match=match):
        ActionUnits(**parameters).feature_names()


def test_samples_are_no_video():
    with pytest.raises(FeatureError, match="named by its path, not by ndarray"):
        ActionUnits().compute(Recording(np.zeros(10), 16000))
