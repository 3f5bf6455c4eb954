"""``ferfusion export``: a saved model becomes an ONNX file, or says why it cannot."""

import json

import pytest

from ferfusion import load_model, save_model
from ferfusion.base.errors import ExportError
from ferfusion.corpora import make_corpus
from ferfusion.fusion import make_late

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(skl2onnx|onnx|google).*")


def test_export(call, tmp_path):
    corpus = make_corpus(n_speakers=4, n_utterances=60, views=("visual",))
    path = tmp_path / "late.skops"
    save_model(make_late("logistic").fit(corpus.X, corpus.y), path)
    out = tmp_path / "late.onnx"
    assert str(out) in call("export", path).out
    expected = load_model(path).predict(corpus.X)
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    columns = json.loads(session.get_modelmeta().custom_metadata_map["views"])
    matrices = {view: corpus.X[names].to_numpy("float32") for view, names in columns.items()}
    assert session.run(["label"], matrices)[0].tolist() == expected.tolist()
    named = tmp_path / "new" / "named.onnx"
    call("export", path, named)
    assert named.read_bytes() == out.read_bytes()


def test_what_cannot_be_exported_is_named(call, model, tmp_path):
    with pytest.raises(ExportError, match="cannot be exported to ONNX"):
        call("export", model, tmp_path / "early.onnx")
    assert not (tmp_path / "early.onnx").exists()
