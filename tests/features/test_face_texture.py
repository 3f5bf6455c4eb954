"""Texture is scikit-image's own, of the very crops; motion is that of the picture; no face is a fault of the row."""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ferfusion.base.errors import FeatureError, MissingDependencyError, UnknownNameError
from ferfusion.features import Views
from ferfusion.features.audio.reading import Recording
from ferfusion.features.visual.texture import FaceTexture, face_crops, face_motion, hog_features, lbp_histograms

av = pytest.importorskip("av")
skimage = pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def portrait():
    """Head of the astronaut, 256 x 256: a portrait in the public domain that lies in scikit-image."""
    return np.rint(skimage.color.rgb2gray(skimage.data.astronaut()) * 255).astype(np.uint8)[:256, 100:356]


@pytest.fixture(scope="module")
def clip(tmp_path_factory, portrait):
    """Two seconds: one and a half with a face that moves to the right, then none."""
    pictures = [np.roll(portrait, 2 * (i // 5), axis=1) for i in range(40)]
    return make(tmp_path_factory.mktemp("videos") / "face.mp4", pictures + [np.full_like(portrait, 90)] * 10)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (64, 96)).astype(np.uint8) for _ in range(10)]
    return make(tmp_path_factory.mktemp("videos") / "empty.mp4", pictures)


def make(path, pictures, rate=25):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, axis=2), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


# --- of one crop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [1, 3, 4])
def test_patterns_are_those_of_scikit_image(portrait, grid):
    crop = portrait[60:124, 80:144]
    codes = skimage.feature.local_binary_pattern(crop, 8, 1, "nri_uniform").astype(int)
    edges = [-(-64 * i // grid) for i in range(grid + 1)]
    expected = [
        np.mean(codes[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] == code)
        for i in range(grid)
        for j in range(grid)
        for code in range(59)
    ]
    found = lbp_histograms(crop, grid)
    np.testing.assert_allclose(found, expected, atol=1e-15)
    np.testing.assert_allclose(found.reshape(grid * grid, 59).sum(axis=1), 1)


def test_patterns_do_not_know_brightness_and_contrast(portrait):
    dark = portrait[60:124, 80:144] // 4
    plain = lbp_histograms(dark)
    np.testing.assert_array_equal(lbp_histograms(3 * dark), plain)
    inside = lbp_histograms(3 * dark + 40).reshape(16, 59)[[5, 6, 9, 10]]  # the others touch the black beyond the edge
    np.testing.assert_array_equal(inside, plain.reshape(16, 59)[[5, 6, 9, 10]])


def test_patterns_by_hand():
    flat = lbp_histograms(np.full((8, 8), 50, np.uint8), grid=2).reshape(4, 59)
    # all neighbours are as light as the centre, but for those beyond the edge: 9 of 16 pixels a part
    np.testing.assert_allclose(flat.max(axis=1), 9 / 16)


def test_gradients_are_those_of_scikit_image(portrait):
    crop = portrait[60:124, 80:144]
    found = hog_features(crop)
    expected = skimage.feature.hog(crop, orientations=9, pixels_per_cell=(16, 16), cells_per_block=(2, 2))
    assert found.shape == (324,)
    np.testing.assert_array_equal(found, expected)


def test_gradients_by_hand():
    stripes = np.tile(np.arange(64, dtype=np.uint8), (64, 1))  # gradients all point to the right
    found = hog_features(stripes).reshape(3, 3, 2, 2, 9)
    np.testing.assert_allclose(found[..., 0], 0.5, atol=1e-6)
    np.testing.assert_allclose(found[..., 1:], 0, atol=1e-6)


def blobs(shift=0.0, where=slice(None)):
    """A smooth pattern of 32 x 32 pixels; some of its rows are moved down."""
    rows, columns = np.mgrid[:32, :32].astype(float)
    rows[where] -= shift
    return np.rint(127 + 60 * np.sin(rows / 3) * np.cos(columns / 4) + 50 * np.cos(rows / 5 + columns / 3)).astype(
        np.uint8
    )


def test_motion_of_the_whole():
    moved = face_motion(blobs(), blobs(1.0), 0.2)
    assert moved.head == pytest.approx(1 / 32 / 0.2, rel=0.05)
    assert max(moved.upper, moved.lower) < 0.2 * moved.head
    assert face_motion(blobs(), blobs(1.0), 0.4).head == pytest.approx(moved.head / 2)
    assert face_motion(blobs(), blobs(2.0), 0.2).head == pytest.approx(2 * moved.head, rel=0.1)


def test_motion_of_a_half():
    lower = face_motion(blobs(), blobs(1.0, slice(18, None)), 0.2)
    upper = face_motion(blobs(), blobs(1.0, slice(None, 14)), 0.2)
    for moved in (lower, upper):
        assert 0.3 / 32 / 0.2 < moved.head < 0.7 / 32 / 0.2  # half the face moves: half the speed on average
        assert min(moved.lower, moved.upper) > 0.3 / 32 / 0.2
    mouth = face_motion(blobs(), blobs(1.0, slice(26, None)), 0.2)
    assert mouth.lower > 2 * mouth.upper


@pytest.mark.parametrize("level", [0, 128, 255])
def test_motion_of_nothing(level):
    flat = np.full((32, 32), level, np.uint8)
    assert face_motion(flat, flat, 0.2) == (0, 0, 0)
    assert max(face_motion(blobs(), blobs(), 0.2)) < 1e-6
    assert np.isfinite(face_motion(flat, blobs(), 0.2)).all()


# --- of a video ------------------------------------------------------------------------------------------------------


def test_values_are_statistics_of_the_crops(clip):
    times, crops, found = face_crops(clip)
    np.testing.assert_allclose(times, np.arange(10) / 5, atol=1e-9)
    assert found.tolist() == [True] * 8 + [False] * 2
    assert crops.shape == (10, 64, 64)
    assert not crops[~found].any()
    extractor = FaceTexture(parts=["lbp", "hog"], statistics=["mean", "std", "max"])
    values = pd.Series(extractor.compute(clip), extractor.feature_names())
    codes = [skimage.feature.local_binary_pattern(crop, 8, 1, "nri_uniform") for crop in crops[found]]
    of_corner = np.array([np.mean(code[48:, :16] == 3) for code in codes])
    assert values["lbp_3_0_3_mean"] == pytest.approx(of_corner.mean(), rel=1e-6)
    assert values["lbp_3_0_3_std"] == pytest.approx(of_corner.std(), rel=1e-5)
    assert values["lbp_3_0_3_max"] == pytest.approx(of_corner.max(), rel=1e-6)
    gradients = [
        skimage.feature.hog(crop, 9, (16, 16), (2, 2), feature_vector=False)[1, 2, 0, 1, 4] for crop in crops[found]
    ]
    assert values["hog_1_2_0_1_4_mean"] == pytest.approx(np.mean(gradients), rel=1e-6)
    assert values["hog_1_2_0_1_4_std"] == pytest.approx(np.std(gradients), rel=1e-4)
    assert values["face_share"] == pytest.approx(0.8)


def test_functionals_are_those_of_the_frames(clip):
    extractor = FaceTexture(statistics=["mean", "std", "max"])
    values = pd.Series(extractor.compute(clip), extractor.feature_names())
    by_frame = FaceTexture(level="frames")
    frames = pd.DataFrame(by_frame.compute(clip), columns=by_frame.feature_names())
    assert frames.shape == (10, 944 + 324 + 3)
    assert frames.notna().all(axis=1).tolist() == [False, *[True] * 7, False, False]
    assert frames.iloc[0].notna().sum() == 944 + 324  # a first picture has moved from nowhere
    for kind in ("mean", "max"):
        expected = getattr(frames, kind)()
        np.testing.assert_allclose(values[[f"{name}_{kind}" for name in frames]], expected, rtol=1e-5, atol=1e-7)
    expected = frames.std(ddof=0)
    np.testing.assert_allclose(values[[f"{name}_std" for name in frames]], expected, rtol=1e-3, atol=1e-6)


def test_speed_of_a_head(clip):
    values = pd.Series(FaceTexture(parts=["motion"]).compute(clip), FaceTexture(parts=["motion"]).feature_names())
    # two pixels every fifth of a second, of a face of 98
    assert values["motion_head_mean"] == pytest.approx(10 / 98, rel=0.15)
    assert values["motion_upper_mean"] < 0.5 * values["motion_head_mean"]


def test_mouth_moves(tmp_path, portrait):
    closed, opened = portrait.copy(), portrait.copy()
    opened[142:158, 110:150] = portrait[148:164, 110:150]  # what lies below the mouth comes up
    still = make(tmp_path / "still.mp4", [closed] * 25)
    talking = make(tmp_path / "talking.mp4", [opened if i // 5 % 2 else closed for i in range(25)])
    extractor = FaceTexture(parts=["motion"])
    rest, talk = (pd.Series(extractor.compute(video), extractor.feature_names()) for video in (still, talking))
    assert talk["motion_lower_mean"] > 3 * rest["motion_lower_mean"]
    assert talk["motion_lower_mean"] > 2 * talk["motion_upper_mean"]


def test_one_picture(tmp_path, portrait):
    video = make(tmp_path / "a.mp4", [portrait])
    values = pd.Series(FaceTexture().compute(video), FaceTexture().feature_names())
    motion = values.index.str.startswith("motion")
    assert values[motion].isna().all()
    assert np.isfinite(values[~motion]).all()
    assert (values[values.index.str.match("(lbp|hog).*_std")] == 0).all()
    assert FaceTexture(parts=["motion"]).compute(video)[-1] == 1.0  # there is a face, though nothing moves


def test_segment(clip):
    whole = FaceTexture(level="frames", parts=["lbp"]).compute(clip)
    part = FaceTexture(level="frames", parts=["lbp"]).compute(Recording(clip, None, 0.4, 1.2))
    assert part.shape == (4, 944)
    np.testing.assert_allclose(part, whole[2:6], atol=0.12)  # smoothed over other pictures at its ends
    with pytest.raises(FeatureError, match="No face was found"):
        FaceTexture().compute(Recording(clip, None, 1.7, 2.0))


@pytest.mark.parametrize("level", ["functionals", "frames"])
def test_no_face(empty, level):
    with pytest.raises(FeatureError, match=r"No face was found in the video 'u7' \(.*empty\.mp4\) \(2 pictures"):
        FaceTexture(level=level).compute(Recording(empty, name="u7"))


@pytest.mark.parametrize("level", ["functionals", "frames"])
def test_view_of_a_table(clip, empty, level):
    X = pd.DataFrame({"video": [clip, empty, None, "/nowhere/else.mp4"]}, index=["a", "b", "c", "d"])
    views = Views([("visual_face", FaceTexture(level=level, parts=["hog"]))], verbose=False)
    table, faults = views.extract(X)
    assert dict(zip(faults["id"], faults["fault"].str.contains("No face|does not exist"), strict=True)) == {
        "b": True,
        "d": True,
    }
    columns = [column for column in table if column.startswith("visual_face__")]
    assert table[columns].notna().all(axis=1).tolist() == [True, False, False, False]
    assert len(columns) == (1 if level == "frames" else 2 * 324 + 1)


def test_same_video_same_numbers(clip):
    extractor = FaceTexture(fps=3)
    expected = extractor.compute(clip)
    assert expected.dtype == np.float32
    with ThreadPoolExecutor(3) as pool:
        for values in pool.map(extractor.compute, [clip] * 3):
            np.testing.assert_array_equal(values, expected)
    table = FaceTexture(fps=3).fit_transform([Recording(clip)])
    np.testing.assert_array_equal(table.to_numpy(), [expected])


# --- manners ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "n"),
    [
        ({}, 2 * (944 + 324) + 9 + 1),
        ({"parts": ["lbp"], "grid": 2, "statistics": ["mean"]}, 4 * 59 + 1),
        ({"parts": ["motion", "hog"], "level": "frames"}, 327),
        ({"statistics": "max"}, 944 + 324 + 9 + 1),
    ],
)
def test_names(parameters, n):
    names = FaceTexture(**parameters).feature_names()
    assert len(names) == len(set(names)) == n


def test_as_many_values_as_names(clip):
    for parameters in ({"parts": ["lbp"], "grid": 3}, {"parts": "hog"}, {"parts": ["motion"], "level": "frames"}):
        extractor = FaceTexture(**parameters)
        assert extractor.compute(clip).shape[-1] == len(extractor.feature_names())


def test_identity_clone_pickle(clip, monkeypatch):
    extractor = FaceTexture(fps=4, parts=["hog"])
    assert extractor.source == "video"
    assert extractor.modality == "visual"
    assert not extractor.frames
    for copy in (clone(extractor), pickle.loads(pickle.dumps(extractor))):
        assert copy.get_params() == extractor.get_params()
        assert copy.fingerprint() == extractor.fingerprint()
    others = [FaceTexture(fps=5, parts=["hog"]), FaceTexture(fps=4), FaceTexture(fps=4, parts=["hog"], min_face=0.2)]
    assert len({other.fingerprint() for other in [extractor, *others]}) == 4
    assert extractor.identity()["scikit-image"] == skimage.__version__


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"level": "functional"}, r"level 'functional'\. Did you mean 'functionals'\?"),
        ({"parts": ["lpb"]}, r"part 'lpb'\. Did you mean 'lbp'\?"),
        ({"statistics": ["median"]}, "statistic 'median'"),
    ],
)
def test_unknown_names(parameters, match):
    with pytest.raises(UnknownNameError, match=match):
        FaceTexture(**parameters).feature_names()


@pytest.mark.parametrize(
    "parameters", [{"grid": 0}, {"grid": 17}, {"grid": 2.0}, {"min_face": 0}, {"min_face": 1}, {"parts": []}]
)
def test_senseless_parameters(clip, parameters):
    with pytest.raises(FeatureError, match=next(iter(parameters))):
        FaceTexture(**parameters).compute(clip)


def test_without_scikit_image(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingDependencyError, match=r"FaceTexture needs the package 'skimage'.*ferfusion\[visual\]"):
        FaceTexture().fingerprint()
    assert len(FaceTexture(level="frames").feature_names()) == 1271
