"""Encoders: their numbers are those of the packages, whatever the batches and pieces."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest

from ferfusion.base.errors import AudioError, FeatureError, MissingDependencyError, UnknownNameError
from ferfusion.nn import SpeechEncoder, TextEncoder, find_model

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "initializer_range": 0.3,
}
KINDS = {
    "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
    "hubert": (transformers.HubertConfig, transformers.HubertModel),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
}
NORMS = {
    "group": {"feat_extract_norm": "group"},
    "layer": {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True},
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """No way out of this machine."""

    def refuse(*args, **kwargs):
        raise AssertionError("something wants to connect to " + repr(args[1:]))

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # it has read the variable already
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # networks as small as these lose by more
    yield
    torch.set_num_threads(before)


def save_speech(folder, kind="wav2vec2", norm="group", normalize=None, seed=0, **other):
    config, model = KINDS[kind]
    torch.manual_seed(seed)
    model = model(config(**SMALL, **NORMS[norm], **other)).eval()
    model.save_pretrained(folder)
    if normalize is not None:
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize)
        extractor.save_pretrained(folder)
    return model


@pytest.fixture(scope="module", params=[(kind, norm) for kind in KINDS for norm in NORMS], ids="-".join)
def speech(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return str(folder), save_speech(folder, *request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return str(folder), save_speech(folder)


def noise(n_samples, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def states_of(model, signal):
    with torch.inference_mode():
        out = model(torch.from_numpy(signal)[None], output_hidden_states=True)
    return [state[0].numpy() for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def test_numbers_are_those_of_transformers(speech):
    path, model = speech
    signal = noise(9000)
    expected = states_of(model, signal)
    for layer in (-3, -2, -1, 0, 1, 2):
        (found,) = SpeechEncoder(path, layer=layer).frames([signal])
        assert found.dtype == np.float32
        assert found.shape == (27, 16)
        np.testing.assert_allclose(found, expected[layer], atol=1e-5)
    (mean,) = SpeechEncoder(path, layer="mean").frames([signal])
    np.testing.assert_allclose(mean, np.mean(expected, axis=0), atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # the layers do differ


def test_batches_change_nothing(speech):
    path, model = speech
    signals = [noise(n, seed) for seed, n in enumerate([8000, 5333, 400, 8000, 719, 8100, 5333])]
    alone = [SpeechEncoder(path, batch_size=1).frames([signal])[0] for signal in signals]
    for batch_size in (1, 2, 7):
        together = SpeechEncoder(path, batch_size=batch_size).frames(signals)
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    np.testing.assert_allclose(alone[1], states_of(model, signals[1])[-1], atol=1e-5)


def test_long_recordings_in_pieces(speech):
    path, model = speech
    signal = noise(16000 * 5 + 123)
    encoder = SpeechEncoder(path, chunk=2.0, overlap=0.5)
    (found,) = encoder.frames([signal])
    assert found.shape == SpeechEncoder(path).frames([signal])[0].shape == (250, 16)
    # 100 frames a piece, 25 of them shared: the second begins at frame 75 and is kept from 87 on
    second = states_of(model, signal[75 * 320 : 75 * 320 + 99 * 320 + 400])[-1]
    np.testing.assert_allclose(found[87:150], second[12:75], atol=1e-4)
    again = encoder.frames([noise(700), signal, noise(40000, 3)])[1]
    np.testing.assert_allclose(found, again, atol=1e-4)


def test_normalisation_is_honoured(tmp_path):
    signal = noise(4000) + np.float32(0.3)
    folders = {}
    for normalize in (None, False, True):
        folders[normalize] = tmp_path / str(normalize)
        model = save_speech(folders[normalize], norm="layer", normalize=normalize)
    found = {key: SpeechEncoder(str(path)).frames([signal])[0] for key, path in folders.items()}
    np.testing.assert_array_equal(found[None], found[False])
    unit = (signal - signal.mean()) / np.sqrt(signal.var() + 1e-7)
    np.testing.assert_allclose(found[True], states_of(model, unit)[-1], atol=1e-4)
    assert np.abs(found[True] - found[False]).max() > 0.01
    encoder = SpeechEncoder(str(folders[True]))
    np.testing.assert_allclose(encoder.frames([3 * signal])[0], found[True], atol=1e-3)  # so loudness is nothing


@pytest.mark.parametrize("signal", [np.zeros(800), np.ones(800), np.full(800, 1e-40), np.ones(400) * -1])
def test_strange_signals(plain, signal):
    for out in SpeechEncoder(plain[0]).frames([signal, signal.astype(np.float32)]):
        assert np.isfinite(out).all()


def test_too_short(plain):
    with pytest.raises(AudioError, match=r"0\.025 s is too short: one frame takes 0\.025 s"):
        SpeechEncoder(plain[0]).frames([noise(800), noise(399)])
    assert SpeechEncoder(plain[0]).frames([]) == []


def test_threads_load_once_and_agree(plain, monkeypatch):
    path, model = plain
    from ferfusion.nn import loading

    loading._load_once.cache_clear()
    signals, out, loads = [noise(3000 + 100 * i, i) for i in range(6)], {}, []
    original = loading._transformer
    monkeypatch.setattr(loading, "_transformer", lambda *given: loads.append(given) or original(*given))

    def work(i):
        out[i] = SpeechEncoder(path).frames([signals[i]])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    for i, signal in enumerate(signals):
        np.testing.assert_allclose(out[i], states_of(model, signal)[-1], atol=1e-5)


def test_nothing_is_trained_or_dropped(plain):
    path, _ = plain
    signal = noise(4000)
    first, second = (SpeechEncoder(path).frames([signal])[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_weights_in_half_precision(tmp_path):
    model = save_speech(tmp_path)
    model.half().save_pretrained(tmp_path)
    (found,) = SpeechEncoder(str(tmp_path)).frames([noise(2000)])
    np.testing.assert_allclose(found, states_of(model.float(), noise(2000))[-1], atol=1e-5)


def test_digest(plain, tmp_path):
    first = SpeechEncoder(plain[0]).digest
    assert len(first) == 64
    copy = shutil.copytree(plain[0], tmp_path / "copy")
    (copy / "README.md").write_text("about")
    assert SpeechEncoder(str(copy)).digest == first
    save_speech(copy, seed=1)
    other = SpeechEncoder(str(copy))
    before = other.digest
    assert before != first
    found, signal = other.frames([noise(900)])[0], noise(900)
    assert not np.allclose(found, SpeechEncoder(plain[0]).frames([signal])[0])  # the memory has forgotten the old ones
    (copy / "preprocessor_config.json").write_text('{"do_normalize": true}')
    assert SpeechEncoder(str(copy)).digest not in (first, before)


@pytest.mark.parametrize("layer", [3, -4, "last", None, True, 1.5])
def test_layers_that_are_not_there(plain, layer):
    with pytest.raises(FeatureError, match="layer is 'mean' or a number from -3 to 2"):
        SpeechEncoder(plain[0], layer=layer)


@pytest.mark.parametrize(("chunk", "overlap", "batch_size"), [(1.0, 1.0, 1), (1.0, -0.1, 1), (0.001, 0, 1), (1, 0, 0)])
def test_pieces_that_cannot_be_made(plain, chunk, overlap, batch_size):
    with pytest.raises(FeatureError, match="cannot be made"):
        SpeechEncoder(plain[0], chunk=chunk, overlap=overlap, batch_size=batch_size)


def test_devices(plain):
    with pytest.raises(FeatureError, match="Unknown device 'gpu'"):
        SpeechEncoder(plain[0], device="gpu").frames([noise(800)])
    if not torch.cuda.is_available():
        with pytest.raises(FeatureError, match="torch sees no such GPU"):
            SpeechEncoder(plain[0], device="cuda").frames([noise(800)])
    auto, cpu = (SpeechEncoder(plain[0], device=name).frames([noise(800)])[0] for name in ("auto", "cpu"))
    np.testing.assert_allclose(auto, cpu, atol=1e-3)


def change_config(folder, name="config.json", **values):
    path = folder / name
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **values}))


def test_models_that_cannot_be_used(plain, tmp_path):
    def copy(name):
        return shutil.copytree(plain[0], tmp_path / name)

    change_config(whisper := copy("a"), model_type="whisper")
    with pytest.raises(UnknownNameError, match=r"'whisper'.*hubert, wav2vec2, wavlm"):
        SpeechEncoder(str(whisper))
    change_config(adapter := copy("b"), add_adapter=True)
    with pytest.raises(FeatureError, match="adapter"):
        SpeechEncoder(str(adapter))
    change_config(rate := copy("c"), "preprocessor_config.json", sampling_rate=8000)
    with pytest.raises(FeatureError, match="made for 8000 Hz"):
        SpeechEncoder(str(rate))
    change_config(deeper := copy("d"), num_hidden_layers=3)
    with pytest.raises(FeatureError, match=r"do not fill its network.*encoder\.layers\.2"):
        SpeechEncoder(str(deeper)).frames([noise(800)])
    (cut := copy("e") / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(FeatureError, match="cannot be loaded"):
        SpeechEncoder(str(cut.parent)).frames([noise(800)])
    (copy("f") / "config.json").write_text("{")
    with pytest.raises(FeatureError, match=r"config\.json is damaged"):
        SpeechEncoder(str(tmp_path / "f"))


def test_files_that_are_not_there(plain, tmp_path):
    with pytest.raises(FeatureError, match=r"holds no model: there is no config\.json"):
        find_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FeatureError, match="has no weights"):
        find_model(str(tmp_path))
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(FeatureError, match="git-LFS pointer"):
        find_model(str(tmp_path))
    with pytest.raises(FeatureError, match="no folder '/nowhere/at/all'"):
        find_model("/nowhere/at/all")


def test_nothing_is_downloaded_unasked():
    with pytest.raises(FeatureError, match=r"'facebook/hubert-base-ls960' is not on this machine.*allow_download=True"):
        SpeechEncoder("facebook/hubert-base-ls960")
    with pytest.raises(FeatureError, match="not on this machine"):
        TextEncoder("sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(FeatureError, match=r"could not be fetched from huggingface\.co"):
        SpeechEncoder("facebook/no-such-model-at-all", allow_download=True)  # offline


def test_models_in_the_hubs_cache(plain, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--somebody--hears"
    with pytest.raises(FeatureError, match="not on this machine"):
        find_model("somebody/hears")

    def fetch(name):
        shutil.copytree(plain[0], repository / "snapshots" / ("0" * 40))
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0" * 40)

    folder = find_model("somebody/hears", allow_download=True, fetch=fetch)
    assert folder == repository / "snapshots" / ("0" * 40)
    assert SpeechEncoder("somebody/hears").digest == SpeechEncoder(plain[0]).digest


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_without_the_packages(plain, monkeypatch, module):
    encoder = SpeechEncoder(plain[0])  # looking at the files needs nothing
    assert (encoder.n_features, len(encoder.digest)) == (16, 64)
    from ferfusion.nn import loading

    loading._load_once.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf"'{module}.*pip install 'ferfusion\[deep\]'"):
        encoder.frames([noise(800)])
    if module == "transformers":
        with pytest.raises(MissingDependencyError, match=r"no folder 'a/b' here.*ferfusion\[deep\]"):
            find_model("a/b")


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "so", "sad", "happy", "not", "i", "am"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    small = {name: SMALL[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    config = transformers.BertConfig(vocab_size=len(words), intermediate_size=32, max_position_embeddings=12, **small)
    torch.manual_seed(0)
    model = transformers.BertModel(config).eval()
    model.save_pretrained(folder)
    return str(folder), model


def test_text_by_transformers(bert):
    path, model = bert
    texts = ["so sad", "i am not happy", "so", "", "so " * 40, "sad so"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    expected = []
    for text in texts:
        given = tokenizer(text, truncation=True, max_length=10, return_tensors="pt")
        with torch.inference_mode():
            expected.append(model(**given).last_hidden_state[0].mean(0).numpy())
    for batch_size in (1, 4, 32):
        found = TextEncoder(path, batch_size=batch_size).vectors(texts)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert TextEncoder(path).n_features == 16
    assert not TextEncoder(path).of_sentences
    with pytest.raises(FeatureError, match="batch_size"):
        TextEncoder(path, batch_size=0)


def test_text_digest_knows_the_vocabulary(bert, tmp_path):
    copy = shutil.copytree(bert[0], tmp_path / "copy")
    assert TextEncoder(str(copy)).digest == TextEncoder(bert[0]).digest
    vocabulary = copy / "tokenizer.json"
    vocabulary.write_text(vocabulary.read_text().replace('"sad"', '"bad"'))
    assert TextEncoder(str(copy)).digest != TextEncoder(bert[0]).digest


def test_importing_nn_loads_nothing_heavy():
    heavy = ("torch", "transformers", "sentence_transformers")
    code = f"import sys, ferfusion.nn; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
