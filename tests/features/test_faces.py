"""Faces are found where they are, followed without trembling, and cut out to the pixel."""

from __future__ import annotations

import sys
import weakref

import numpy as np
import pytest

from ferfusion.base.errors import MissingDependencyError
from ferfusion.features.visual import faces
from ferfusion.features.visual.faces import Box, crop_face, find_faces, follow_face

skimage = pytest.importorskip("skimage")

CENTRE, SIDE = (117.0, 227.0), 98.0  # of the face in the picture of the astronaut, within a few pixels


@pytest.fixture(scope="module")
def astronaut():
    """A portrait in the public domain that lies in scikit-image."""
    return np.rint(skimage.color.rgb2gray(skimage.data.astronaut()) * 255).astype(np.uint8)


def centre(box):
    return box.top + box.side / 2, box.left + box.side / 2


def near(box, where=CENTRE, side=SIDE, share=0.08):
    """Whether a box is at a place, within a share of its side."""
    row, column = centre(box)
    return max(abs(row - where[0]), abs(column - where[1])) < share * side and abs(box.side / side - 1) < 2 * share


def test_face_is_found(astronaut):
    found = find_faces(astronaut)
    assert len(found) == 1
    assert near(found[0])


def test_place_is_the_one_of_scikit_image(astronaut):
    cascade = skimage.feature.Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    part = astronaut[:256, 100:356]
    grouped = cascade.detect_multi_scale(part, 1.1, 1, (60, 60), (150, 150), 8)
    assert len(grouped) == 1
    expected = Box(grouped[0]["r"], grouped[0]["c"] + 100, grouped[0]["width"])
    assert faces._overlap(find_faces(astronaut)[0], expected) > 0.7


def test_windows_are_those_of_scikit_image(astronaut):
    part = np.ascontiguousarray(astronaut[40:200, 150:310])
    cascade = skimage.feature.Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    raw = cascade.detect_multi_scale(part, 1.2, 1.0, (60, 60), (150, 150), 1, 1.0)
    hits = faces._hits(part, 60, 150, 1.2, 1.0)
    assert len(hits) >= 5
    assert sorted(map(tuple, hits.astype(int))) == sorted((hit["r"], hit["c"], hit["width"]) for hit in raw)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (-30, 41), (120, -90)])
def test_box_moves_with_the_face(astronaut, rows, columns):
    moved = np.roll(astronaut, (rows, columns), axis=(0, 1))
    assert any(near(box, (CENTRE[0] + rows, CENTRE[1] + columns)) for box in find_faces(moved))


@pytest.mark.parametrize("scale", [0.8, 1.5, 3.0])
def test_box_grows_with_the_face(astronaut, scale):
    n = round(256 * scale)
    picture = faces._uint8(faces._resample(astronaut, (0.0, 100.0, 256.0, 256.0), n, n))
    (found,) = find_faces(picture)
    assert near(found, (CENTRE[0] * scale, (CENTRE[1] - 100) * scale), SIDE * scale)


@pytest.mark.parametrize("change", ["dark", "light", "noise"])
def test_light_and_noise(astronaut, change):
    picture = {
        "dark": astronaut // 8,
        "light": 180 + astronaut // 4,
        "noise": np.clip(astronaut + np.random.default_rng(0).normal(0, 15, astronaut.shape), 0, 255),
    }[change].astype(np.uint8)
    assert near(find_faces(picture)[0])


def test_faces_of_many_people():
    """Faces of Labeled Faces in the Wild, and parts of their pictures without, of 25 x 25 pixels."""
    patches = np.rint(skimage.data.lfw_subset() * 255).astype(np.uint8)
    found = []
    for i, patch in enumerate(patches[::8]):
        picture = np.random.default_rng(i).integers(118, 138, (160, 160)).astype(np.uint8)
        picture[50:110, 50:110] = faces._uint8(faces._resample(patch, (0.0, 0.0, 25.0, 25.0), 60, 60))
        found.append(bool(find_faces(picture)))
    assert sum(found[:13]) >= 11
    assert sum(found[13:]) == 0


@pytest.mark.parametrize("name", ["brick", "coffee", "text", "chelsea"])
def test_nothing_where_there_is_no_face(name):
    picture = getattr(skimage.data, name)()
    grey = picture if picture.ndim == 2 else skimage.color.rgb2gray(picture) * 255
    assert find_faces(np.rint(grey).astype(np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (10, 300), (23, 23), (24, 24), (160, 160)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_of_any_size(shape, level):
    assert find_faces(np.full(shape, level, np.uint8)) == []


def test_largest_first(astronaut):
    part = astronaut[:256, 100:356]
    small = faces._uint8(faces._resample(part, (0.0, 0.0, 256.0, 256.0), 128, 128))
    picture = np.full((256, 400), 90, np.uint8)
    picture[:, 144:] = part
    picture[60:188, :128] = small
    one, other = find_faces(picture)
    assert near(one, (CENTRE[0], CENTRE[1] + 44))
    assert near(other, (60 + CENTRE[0] / 2, (CENTRE[1] - 100) / 2), SIDE / 2)
    (followed,) = follow_face([(0.0, picture)])
    assert followed.box == one


def test_small_faces_on_demand(astronaut):
    picture = np.full((480, 480), 90, np.uint8)
    picture[100:196, 100:196] = faces._uint8(faces._resample(astronaut, (0.0, 100.0, 256.0, 256.0), 96, 96))
    assert find_faces(picture) == []  # 37 pixels are less than 0.15 of 480
    assert len(find_faces(picture, min_face=0.06)) == 1


@pytest.mark.parametrize("min_face", [0.1, 0.3, 0.6])
def test_large_faces_whatever_is_the_smallest(astronaut, min_face):
    (found,) = find_faces(np.ascontiguousarray(astronaut[47:187, 157:297]), min_face)
    assert near(found, (CENTRE[0] - 47, CENTRE[1] - 157))


# --- following -------------------------------------------------------------------------------------------------------


def moving(astronaut, places):
    """Pictures of the astronaut who moves by whole pixels; None for an empty one."""
    for i, place in enumerate(places):
        picture = np.full((256, 256), 90, np.uint8)
        if place is not None:
            picture = np.roll(astronaut, place, axis=(0, 1))[:256, 100:356].copy()
        yield i / 5, picture


def test_moving_face_is_followed(astronaut):
    places = [(3 * i, -4 * i) for i in range(10)]
    frames = list(follow_face(moving(astronaut, places)))
    assert [frame.time for frame in frames] == [i / 5 for i in range(10)]
    assert {frame.track for frame in frames} == {1}
    away = [np.subtract(centre(frame.box), place) for frame, place in zip(frames, places, strict=True)]
    # no trembling and no lagging behind
    assert np.std(away, axis=0).max() < 0.02 * SIDE
    assert np.abs(np.mean(away[:3], axis=0) - np.mean(away[-3:], axis=0)).max() < 0.02 * SIDE


def test_lost_and_found(astronaut):
    places = [(0, 0)] * 4 + [None] * 6 + [(10, 10)] * 3
    frames = list(follow_face(moving(astronaut, places)))
    assert [frame.box is not None for frame in frames] == [place is not None for place in places]
    assert frames[3].track == 1
    assert frames[-1].track == 2
    assert near(frames[-1].box, (CENTRE[0] + 10, CENTRE[1] - 90))


def scripted(monkeypatch, boxes, faces_found=None):
    """Follow pictures in which the cascade finds what it is told; pictures hold their number."""
    pictures = [(i / 5, np.full((4, 4), i, np.uint8)) for i in range(len(boxes))]
    monkeypatch.setattr(faces, "_find_near", lambda picture, box: boxes[picture[0, 0]])
    looks = []

    def look(picture, min_face):
        looks.append(int(picture[0, 0]))
        found = faces_found or boxes
        return [] if found[picture[0, 0]] is None else [found[picture[0, 0]]]

    monkeypatch.setattr(faces, "find_faces", look)
    return list(follow_face(pictures)), looks


def test_short_gaps_are_filled(monkeypatch):
    boxes = [Box(10, 20, 30), Box(10, 20, 30), None, Box(14, 20, 30), Box(14, 20, 30), None, None, Box(14, 26, 30)]
    frames, _ = scripted(monkeypatch, boxes)
    assert frames[2].box == Box(12, 20, 30)
    assert frames[5].box == frames[6].box == Box(14, 23, 30)
    assert {frame.track for frame in frames} == {1}


def test_long_gaps_are_not(monkeypatch):
    frames, looks = scripted(monkeypatch, [Box(1, 1, 30), None, None, None, Box(1, 1, 30)])
    assert [frame.box is None for frame in frames] == [False, True, True, True, False]
    assert frames[-1].track == frames[0].track + 1
    assert looks == [0, 1, 2, 3]  # what is near is looked at first


def test_no_face_at_either_end(monkeypatch):
    frames, _ = scripted(monkeypatch, [None, Box(1, 1, 30), Box(1, 1, 30), None])
    assert [frame.box is None for frame in frames] == [True, False, False, True]


def test_outliers_are_smoothed_away(monkeypatch):
    boxes = [Box(10 + i, 20, 30) for i in range(9)]
    boxes[4] = Box(33, 28, 40)
    frames, _ = scripted(monkeypatch, boxes)
    row, column = centre(frames[4].box)
    assert abs(row - 29) <= 1.01
    assert (column, frames[4].box.side) == (35, 30)
    # a steady motion stays as it is, to the ends
    steady, _ = scripted(monkeypatch, [Box(10 + i, 20 - i, 30 + 2 * i) for i in range(9)])
    assert [frame.box for frame in steady] == [Box(10 + i, 20 - i, 30 + 2 * i) for i in range(9)]


def test_another_face_is_not_mixed_in(monkeypatch):
    boxes = [Box(0, 0, 30)] * 4 + [Box(200, 200, 30)] * 4
    frames, _ = scripted(monkeypatch, boxes)
    assert [frame.box for frame in frames] == boxes
    assert [frame.track for frame in frames] == [1] * 4 + [2] * 4


def test_a_larger_face_is_taken_within_two_seconds(monkeypatch):
    n = 25
    large = [Box(0, 0, 30)] * 12 + [Box(200, 200, 60)] * 13
    frames, looks = scripted(monkeypatch, [Box(0, 0, 30)] * n, large)
    assert looks == [0, 10, 20]
    assert [frame.box.side for frame in frames] == [30] * 20 + [60] + [30] * 4  # and then what is near, as scripted
    scripted(monkeypatch, [Box(0, 0, 30)] * n, [Box(2, 2, 36)] * n)
    pictures = [(i / 5, np.full((4, 4), i, np.uint8)) for i in range(n)]
    assert [frame.box.side for frame in faces._followed(pictures, 0.15)] == [36] + [30] * 24


def test_few_pictures_are_in_memory(monkeypatch):
    alive, most = weakref.WeakSet(), 0

    class Picture(np.ndarray):
        pass

    def pictures():
        for i in range(60):
            picture = np.zeros((4, 4), np.uint8).view(Picture)
            alive.add(_Key(picture))
            yield i / 5, picture

    class _Key:
        def __init__(self, picture):
            picture.key = self

    monkeypatch.setattr(faces, "_find_near", lambda picture, box: box)
    monkeypatch.setattr(faces, "find_faces", lambda picture, min_face: [Box(0, 0, 2)])
    for _ in follow_face(pictures()):
        most = max(most, len(alive))
    assert 3 <= most <= 8


# --- cutting out -----------------------------------------------------------------------------------------------------


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8)


def test_crop_of_whole_pixels(picture):
    np.testing.assert_array_equal(crop_face(picture, Box(5, 7, 16), 16), picture[5:21, 7:23])


def test_crop_that_reduces_is_a_mean(picture):
    expected = picture[4:36, 8:40].reshape(16, 2, 16, 2).mean(axis=(1, 3))
    np.testing.assert_array_equal(crop_face(picture, Box(4, 8, 32), 16), np.rint(expected).astype(np.uint8))
    expected = skimage.transform.downscale_local_mean(picture[:30, :30], (3, 3))
    np.testing.assert_allclose(crop_face(picture, Box(0, 0, 30), 10), expected, atol=0.51)


def test_crop_between_pixels(picture):
    values = picture.astype(float)
    expected = 0.75 * values[5:21, 7:23] + 0.25 * values[6:22, 7:23]
    np.testing.assert_allclose(crop_face(picture, Box(5.25, 7, 16), 16), expected, atol=0.51)


def test_crop_that_enlarges_is_linear():
    ramp = np.tile(np.arange(0, 160, 4, dtype=np.uint8), (40, 1))
    columns = 10 + 8 / 32 * (np.arange(32) + 0.5) - 0.5
    np.testing.assert_allclose(crop_face(ramp, Box(10, 10, 8), 32), np.tile(4 * columns, (32, 1)), atol=0.51)


def test_crop_beyond_the_edge(picture):
    found = crop_face(picture, Box(-6, 40, 16), 16)
    expected = np.pad(picture, ((6, 0), (0, 6)), mode="edge")[:16, 40:56]
    np.testing.assert_array_equal(found, expected)
    assert crop_face(picture, Box(-500, -500, 20), 8).tolist() == [[int(picture[0, 0])] * 8] * 8
    assert crop_face(np.full((1, 1), 7, np.uint8), Box(0, 0, 1), 64).tolist() == [[7] * 64] * 64


def test_without_scikit_image(monkeypatch):
    faces._cascade.cache_clear()
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingDependencyError, match=r"needs the package 'skimage'.*ferfusion\[visual\]"):
        find_faces(np.zeros((100, 100), np.uint8))
