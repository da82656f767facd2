"""Content that runs a command when it is taken at its word: pickles, settings, names."""

from __future__ import annotations

import io
import pickle
import zipfile

MODULE, MARK = "module_that_marks", "RAN"
# Importing it leaves a mark, and so does whatever it holds.
MARKING = f'''
from pathlib import Path
def mark(*args, **kwargs):
    (Path(__file__).parent / "{MARK}").touch()
mark()
class Model:
    def __init__(self, *args, **kwargs):
        mark()
'''
_TOUCH = f"touch {MARK}".encode()
_CODE = f"open('{MARK}','w')".encode()
# Programs for the machine of pickle, each of which runs something when it is loaded freely.
PICKLES = {
    "os.system": b"cos\nsystem\n(S'" + _TOUCH + b"'\ntR.",
    "posix.system": b"cposix\nsystem\n(S'" + _TOUCH + b"'\ntR.",
    "INST": b"(S'" + _TOUCH + b"'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'" + _TOUCH + b"'\no.",
    "eval": b'cbuiltins\neval\n(S"' + _CODE + b'"\ntR.',
    "exec": b'cbuiltins\nexec\n(S"' + _CODE + b'"\ntR.',
    "__builtin__": b'c__builtin__\neval\n(S"' + _CODE + b'"\ntR.',
    "a module": f"c{MODULE}\nModel\n.".encode(),
    "NEWOBJ": f"c{MODULE}\nModel\n)\x81.".encode(),
    "runpy": f"crunpy\nrun_module\n(S'{MODULE}'\ntR.".encode(),
    "importlib": f"cimportlib\nimport_module\n(S'{MODULE}'\ntR.".encode(),
    "getattr": b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR(S'"
    + _TOUCH + b"'\ntR.",
    "dotted": b"\x80\x04\x8c\x13torch.serialization\x8c\x09os.system\x93\x8c\x09"
    + _TOUCH + b"\x85R.",
    "subprocess": b"csubprocess\ncheck_output\n((S'touch'\nS'" + MARK.encode() + b"'\nltR.",
    "partial": b"cfunctools\npartial\n(cos\nsystem\nS'" + _TOUCH + b"'\ntR)R.",
    "map": b"cbuiltins\nlist\n(cbuiltins\nmap\n(cos\nsystem\n(S'" + _TOUCH + b"'\nltRtR.",
    "timeit": b'ctimeit\ntimeit\n(S"' + _CODE + b'"\ntR.',
    "in an OrderedDict": b"ccollections\nOrderedDict\n)R(S'a'\ncos\nsystem\n(S'" + _TOUCH
    + b"'\ntRu.",
    "BUILD": b"cargparse\nNamespace\n)\x81}S'a'\ncos\nsystem\n(S'" + _TOUCH + b"'\ntRsb.",
    "persistent": b"cos\nsystem\n(S'" + _TOUCH + b"'\ntRQ.",
    "a tensor's hook": b"ctorch._utils\n_rebuild_tensor_v2\n(cos\nsystem\n(S'" + _TOUCH
    + b"'\ntRI0\n(I1\nt(I1\ntI00\nccollections\nOrderedDict\n)RtR.",
    "torch.load": b"ctorch\nload\n(S'legacy.pt'\ntR.",
    "numpy": b"cnumpy\nload\n(S'object.npy'\nNI01\ntR.",
    "torch.compile": b'ctorch.jit.frontend\neval\n(S"' + _CODE + b'"\ntR.',
}  # fmt: skip


def within(program: bytes, key: str) -> bytes:
    """The pickle of a dict that holds what a program makes under a key, and ``format``."""
    name, form = key.encode(), b"X\x06\x00\x00\x00formatK\x01s"
    body = program[2:-1] if program.startswith(b"\x80") else program[:-1]
    return b"\x80\x04}" + form + b"X" + len(name).to_bytes(4, "little") + name + body + b"s."


def torch_zip(program: bytes) -> bytes:
    """A file as ``torch.save`` writes it, whose pickle is a program."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (("data.pkl", program), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(f"archive/{name}", data)
    return file.getvalue()


def torch_legacy(program: bytes) -> bytes:
    """A file as ``torch.save`` wrote it long ago."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001})
    return b"".join(pickle.dumps(part, 2) for part in head) + program + pickle.dumps([], 2)


def npy(program: bytes, count: int = 4) -> bytes:
    """An npy file of objects."""
    head = f"{{'descr': '|O', 'fortran_order': False, 'shape': ({count},), }}".encode()
    head = head.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + program


# Classes and functions that settings could name, in YAML.
SETTINGS = {
    "os.system": f"{{class_path: os.system, init_args: {{command: touch {MARK}}}}}",
    "popen": f"{{class_path: subprocess.Popen, init_args: {{args: [touch, {MARK}]}}}}",
    "exec": f"{{class_path: builtins.exec, init_args: {{source: \"open('{MARK}','w')\"}}}}",
    "eval": f"{{class_path: builtins.eval, init_args: {{source: \"open('{MARK}','w')\"}}}}",
    "run_module": f"{{class_path: runpy.run_module, init_args: {{mod_name: {MODULE}}}}}",
    "a class": f"{{class_path: {MODULE}.Model}}",
    "in short": f"{MODULE}.Model",
    "a list": f"[{{class_path: {MODULE}.Model}}]",
    "a tag": f"!!python/object/apply:os.system ['touch {MARK}']",
    "a new object": f"!!python/object/new:{MODULE}.Model []",
    "a module": f"!!python/module:{MODULE} ''",
    "a name": f"!!python/name:{MODULE}.Model ''",
}
# Names of files that a shell would run.
NAMES = {
    "dollar": f"$(touch {MARK})",
    "backtick": f"`touch {MARK}`",
    "semicolon": f"; touch {MARK} ;",
    "pipe": f"| touch {MARK}",
    "line": f"a\ntouch {MARK}\n",
    "and": f"a && touch {MARK}",
    "f-string": f"{{open('{MARK}','w')}}",
    "percent": "%(x)s %s",
}
