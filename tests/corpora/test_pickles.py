"""Pickle files of others: what is read, and that nothing of what they hold is ever run."""

from __future__ import annotations

import os
import pickle
import struct
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest

from ferfusion.base.errors import CorpusError
from ferfusion.corpora.files.pickles import load_restricted

VALUES = {
    "list": [1, 2.5, "drei", b"vier\xff", None, True, 10**30, 2 - 1j],
    "tuple": ((), (1, (2, 3))),
    "sets": (set(), {1, "a"}, frozenset({2}), {(1, "a")}),
    "ordered": OrderedDict([("b", 1), ("a", 2)]),
    "default": defaultdict(list, a=[1]),
    "empty": (b"", "", bytearray(b"xy")),
}
ARRAYS = {
    "f8": np.arange(6.0).reshape(2, 3),
    "f4": np.arange(4, dtype=np.float32),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.arange(3, dtype=">i4"),
    "bool": np.array([True, False]),
    "texts": np.array(["one", "zwölf"]),
    "bytes": np.array([b"a", b"bcd"]),
    "empty": np.zeros((0, 4)),
    "point": np.array(3.0),
    "objects": np.array([{"a": np.arange(2)}, None], dtype=object),
}


def write(path, value, protocol=2):
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "features.pkl"


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values(file, protocol):
    read = load_restricted(write(file, VALUES, protocol))
    assert read == VALUES | {"empty": (b"", "", b"xy")}
    assert type(read["ordered"]) is OrderedDict
    assert list(read["ordered"]) == ["b", "a"]
    assert read["default"]["new"] == []


@pytest.mark.parametrize("protocol", range(6))
def test_arrays(file, protocol):
    read = load_restricted(write(file, ARRAYS, protocol))
    for name, array in ARRAYS.items():
        assert type(read[name]) is np.ndarray
        assert read[name].shape == array.shape
        assert read[name].dtype == array.dtype.newbyteorder("=")
        assert read[name].flags.writeable
        if name != "objects":
            np.testing.assert_array_equal(read[name], array)
    assert read["objects"][0]["a"].tolist() == [0, 1]
    assert read["objects"][1] is None


@pytest.mark.parametrize("protocol", range(6))
def test_numbers_of_numpy_and_types(file, protocol):
    numbers = [np.float64(1.5), np.int64(-3), np.float32(0.5), np.bool_(True), np.str_("ja"), np.dtype("<f4")]
    read = load_restricted(write(file, numbers, protocol))
    assert read == numbers
    assert [type(value) for value in read[:5]] == [type(value) for value in numbers[:5]]


def test_what_stands_there_twice_is_one_thing(file):
    array = np.arange(3)
    first, second, (third,) = load_restricted(write(file, [array, array, (array,)]))
    assert first is second is third
    cycle: list = [1]
    cycle.append(cycle)
    read = load_restricted(write(file, cycle))
    assert read[1] is read


# as Python 2.7 with numpy 1.16 wrote them: the old module, raw bytes as a str
ARRAY_0 = (
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR"
    b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00\\xc0'\ntb"
)


def test_python_2_text_protocol(file):
    file.write_bytes(b"(dS'caf\\xe9'\n(lp0\n" + ARRAY_0 + b"as.")
    read = load_restricted(file)
    assert list(read) == ["caf\xe9"]
    assert read["caf\xe9"][0].tolist() == [1.0, -2.0]
    assert read["caf\xe9"][0].dtype == np.float32


def test_python_2_binary_protocol(file):
    # {'a': set([1])} and a defaultdict(int) in protocol 2, with the module name of Python 2
    file.write_bytes(
        b"\x80\x02}(U\x01ac__builtin__\nset\n]K\x01a\x85RU\x01bccollections\ndefaultdict\nc__builtin__\nint\n\x85Ru."
    )
    assert load_restricted(file) == {"a": {1}, "b": {}}


def test_big_endian_array_of_python_2(file):
    file.write_bytes(ARRAY_0.replace(b"S'<'", b"S'>'") + b".")
    assert load_restricted(file).tolist() == pytest.approx(struct.unpack(">2f", b"\x00\x00\x80?\x00\x00\x00\xc0"))


class Evil:
    """Whatever is to be called when the file is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Own:
    """A class of one's own."""


def dotted(module, name):
    """Protocol 4, where the usual reader looks names up attribute by attribute."""
    parts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)]
    return b"\x80\x04" + b"".join(parts) + b"\x93."


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (lambda mark: Evil(os.system, f"touch {mark}"), r"(posix|nt)\.system"),
        (lambda mark: Evil(eval, f"open({str(mark)!r}, 'w')"), r"(builtins|__builtin__)\.eval"),
        (lambda mark: Evil(exec, f"open({str(mark)!r}, 'w')"), r"(builtins|__builtin__)\.exec"),
        (lambda mark: Evil(open, str(mark), "w"), r"(_?io)\.open"),
        (lambda mark: Evil(getattr, [], "append"), r"(builtins|__builtin__)\.getattr"),
        (lambda mark: Evil(__import__, "os"), r"(builtins|__builtin__)\.__import__"),
        (lambda mark: Evil(np.load, str(mark)), r"numpy(\.\w+)*\.load"),
        (lambda mark: Evil(np.save, str(mark), np.arange(3)), r"numpy(\.\w+)*\.save"),
        (lambda mark: Evil(np.ndarray.tofile, np.arange(3), str(mark)), r"refused|getattr|tofile"),
        (lambda mark: Own(), r"Own|copyreg|copy_reg"),
        (lambda mark: Own, r"Own"),
        (lambda mark: Counter("ab"), r"collections\.Counter"),
        (lambda mark: np.ma.masked_array([1.0]), r"numpy\.ma"),
        (lambda mark: len, r"(builtins|__builtin__)\.len"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_is_run(file, tmp_path, value, named, protocol):
    mark = tmp_path / "mark"
    write(file, {"a": [value(mark)]}, protocol)
    with pytest.raises(CorpusError, match=named) as told:
        load_restricted(file)
    assert "refused" in str(told.value)
    assert str(file) in str(told.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (dotted("numpy", "ndarray.tofile"), "numpy.ndarray.tofile"),
        (dotted("builtins", "dict.__subclasses__"), "dict.__subclasses__"),
        (dotted("numpy.core.numeric", "sys.modules"), "sys.modules"),
        (dotted("collections", "OrderedDict.fromkeys"), "OrderedDict.fromkeys"),
        (dotted("ferfusion.corpora.files.pickles", "pickle.loads"), "pickle.loads"),
        # the same through the instance opcodes of protocol 0 and 1
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'true'\no.", "os.system"),
        # names that are almost right
        (b"cnumpy.core.multiarray\nscalar2\n.", "scalar2"),
        (b"cnumpy\nfromfile\n.", "numpy.fromfile"),
        (b"cnumpy.f2py.diagnose\nrun\n.", "numpy.f2py"),
        (b"cnumpy.testing._private.utils\nruncode\n.", "numpy.testing"),
        (b"cnumpy.core.multiarray\nfromfile\n.", "multiarray.fromfile"),
        (b"c_codecs\nlookup\n.", "_codecs.lookup"),
        (b"cctorch\n", "damaged"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n.", r"torch\._utils\._rebuild_tensor_v2.*cpu\(\)\.numpy\(\)"),
        (b"cpandas.core.frame\nDataFrame\n.", "CSV or Parquet"),
        # things outside of the file
        (b"P12\n.", "persistent id '12'"),
        (b"\x80\x02U\x03abcQ.", "persistent id 'abc'"),
        # what is admitted, used in another way
        (b"cnumpy\nndarray\n(I1\ntR.", "damaged"),
        (b"c_codecs\nencode\n(Vabc\nVzlib\ntR.", "encoding 'zlib'"),
        (b"cbuiltins\nbytes\n(I1000000000000\ntR.", "bytes that are made"),
        (b"ccollections\ndefaultdict\n(c_codecs\nencode\ntR.", "defaultdict whose values"),
        (b"ccollections\ndefaultdict\n(Vlist\ntR.", "defaultdict whose values"),
        (b"cnumpy\ndtype\n(S'f8,f8'\ntR.", "type 'f8,f8'"),
        (b"cnumpy\ndtype\n(S'M8[s]'\ntR.", "type 'M8"),
        (b"cnumpy\ndtype\n(S'V8'\ntR(I3\nS'|'\nN(S'a'\nt(dI8\nI1\nI16\ntb.", "type 'V8'"),
        (b"cnumpy\ndtype\n(S'f8'\ntR(I3\nS'<'\nN(S'a'\nt(dI8\nI1\nI16\ntb.", "records"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(cbuiltins\nlist\n(I0\ntS'b'\ntR.", "class of its own"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.", "without its content"),
        (ARRAY_0.replace(b"(I2\n", b"(I3\n") + b".", "damaged"),
        (ARRAY_0.replace(b"(I2\n", b"(I-1\nI-2\n") + b".", "damaged"),
        (ARRAY_0.replace(b"(I2\n", b"(I4611686018427387904\n") + b".", "damaged|memory"),
        (ARRAY_0.replace(b"S'f4'", b"S'O8'") + b".", "objects without its content"),
        (b"clist\n.", "damaged"),
        (b"cbuiltins\nlist\n.", "class 'list'"),
        (b"(dcnumpy\ndtype\n(S'f8'\ntRI1\ns.", "the key"),
    ],
)
def test_hand_made_attacks(file, content, told):
    file.write_bytes(content)
    with pytest.raises(CorpusError, match=told) as error:
        load_restricted(file)
    assert str(file) in str(error.value)


def test_types_cannot_be_bent(file):
    """A type whose state claims to hold objects would let numbers be followed as addresses."""
    bent = ARRAY_0.replace(b"I0\ntbI00", b"I63\ntbI00")
    assert bent != ARRAY_0
    file.write_bytes(bent + b".")
    read = load_restricted(file)
    assert read.tolist() == [1.0, -2.0]
    assert not read.dtype.hasobject


def test_one_file_cannot_mark_the_next(file):
    """State set on an admitted function is gone with its file."""
    file.write_bytes(b"c_codecs\nencode\n(N(dV__defaults__\n(Vzlib\ntstb.")
    with pytest.raises(CorpusError, match="function"):
        load_restricted(file)
    assert load_restricted(write(file, [b"\xff"], 2)) == [b"\xff"]


@pytest.mark.parametrize("length", [0, 1, 10, 100, 400])
def test_cut_off_file(file, length):
    whole = pickle.dumps({"a": np.arange(100.0), "b": ["text"] * 3}, 4)
    file.write_bytes(whole[:length])
    with pytest.raises(CorpusError, match="damaged, cut off, or no pickle file"):
        load_restricted(file)


@pytest.mark.parametrize(
    "content", [b"utterance,text\n1,hello\n", b"\x89HDF\r\n\x1a\n" + bytes(100), bytes(range(256))]
)
def test_other_files(file, content):
    file.write_bytes(content)
    with pytest.raises(CorpusError, match=r"features\.pkl"):
        load_restricted(file)


def test_zip_of_torch(file):
    file.write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(CorpusError, match=r"zip archive.*numpy arrays first"):
        load_restricted(file)


def test_missing_and_too_large(file):
    with pytest.raises(CorpusError, match="does not exist"):
        load_restricted(file)
    write(file, list(range(1000)))
    with pytest.raises(CorpusError, match="more than the 100 that are read"):
        load_restricted(file, largest=100)


def test_too_deep(file):
    deep: list = []
    for _ in range(60):
        deep = [deep]
    with pytest.raises(CorpusError, match="more than 50 levels deep"):
        load_restricted(write(file, deep))
    file.write_bytes(b"]" + b"]" * 50000 + b"a" * 50000 + b".")
    with pytest.raises(CorpusError, match="more than 50 levels deep"):
        load_restricted(file)


def test_shared_parts_cost_once(file):
    laughs: list = ["ha"]
    for _ in range(40):  # 2 ** 40 laughs, if each were counted
        laughs = [laughs, laughs]
    read = load_restricted(write(file, laughs))
    for _ in range(40):
        assert read[0] is read[1]
        read = read[0]
    assert read == ["ha"]
