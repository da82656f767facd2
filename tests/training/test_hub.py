"""Releases sent to a server that answers what huggingface_hub asks of the Hub, and fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import torch
import yaml
from cli_helpers import FAST, TINY, runner, the_error, write_packed

from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import GraphEncoder
from pyg_skeletonmae.training import (
    ModelCard,
    TrainingData,
    find_release,
    from_hub,
    from_pretrained,
    load_release,
    push_to_hub,
    release_data,
    save_release,
)

REPO = "somebody/walks"
USE = """
import sys, torch
from pyg_skeletonmae.training import from_pretrained
model = from_pretrained(sys.argv[1])
torch.save(model.encode_tracks(torch.load(sys.argv[2])), sys.argv[3])
"""


class Hub(ThreadingHTTPServer):
    """One repository: its files by branch, large ones by their SHA-256."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.visibility: object = "never made"
        self.branches = ["main"]
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    @property
    def commit(self) -> str:
        parts = sorted((name, hashlib.sha1(data).hexdigest()) for name, data in self.files.items())
        return hashlib.sha1(repr(parts).encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *arguments: object) -> None:
        self.server.requests.append(f"{self.command} {urlsplit(self.path).path}")

    def answer(self, content: object, status: int = 200, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def do_GET(self) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path)
        _, _, place = path.partition(f"/{REPO}/resolve/")
        name = place.partition("/")[2]
        if place.startswith("v7/"):
            self.answer({"error": "none"}, 404, X_Error_Code="RevisionNotFound")
        elif name in hub.files:
            tag = f'"{hashlib.sha1(hub.files[name]).hexdigest()}"'
            self.answer(hub.files[name], ETag=tag, X_Repo_Commit=hub.commit)
        else:
            code = "EntryNotFound" if place and hub.files else "RepoNotFound"
            self.answer({"error": "none"}, 404, X_Error_Code=code, X_Repo_Commit=hub.commit)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        data = self.body()
        self.server.large[hashlib.sha256(data).hexdigest()] = data
        self.answer({})

    def do_POST(self) -> None:
        hub, path, body = self.server, urlsplit(self.path).path, self.body()
        if self.headers.get("Authorization") != "Bearer hf_mine":
            return self.answer({"error": "no token"}, 401)
        if path == "/api/repos/create":
            hub.visibility = json.loads(body).get("visibility")
            return self.answer({"url": f"{hub.url}/{REPO}"})
        if path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = {True: "lfs", False: "regular"}
            told = [
                {"path": file["path"], "shouldIgnore": False,
                 "uploadMode": modes[file["path"].endswith(".safetensors")]} for file in files
            ]  # fmt: skip
            return self.answer({"files": told})
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.url}/put/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self.answer({"transfer": "basic", "objects": objects})
        if "/branch/" in path:
            hub.branches.append(path.rpartition("/")[2])
            return self.answer({})
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    hub.files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    hub.files[value["path"]] = hub.large[value["oid"]]
            url = f"{hub.url}/{REPO}/commit/{hub.commit}"
            return self.answer({"commitUrl": url, "commitOid": hub.commit, "success": True})
        return self.answer({"error": path}, 404)


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    from huggingface_hub import constants

    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    # The library read its own when it was imported.
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    files = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    yield server
    server.shutdown()
    server.server_close()


def release(folder: Path, licence: str | None = "CC-BY-4.0", pretraining=None) -> Path:
    data = TrainingData("own clips", 9, licence=licence, commercial=licence and True)
    card = ModelCard(data=data, pretraining=pretraining, metrics={"top1": 0.5})
    return save_release(GraphEncoder(UIPRMD22, hidden_channels=4, depth=1), folder, card=card)


def test_sent_and_fetched_by_another_process_the_model_is_the_same(hub, tmp_path):
    folder = release(tmp_path / "run" / "release")
    (folder / "secret.csv").write_text("clips of a patient")
    url = push_to_hub(tmp_path / "run", REPO, private=True, token="hf_mine")
    assert url == f"{hub.url}/{REPO}/commit/{hub.commit}" and hub.visibility == "private"
    assert hub.files == {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != "secret.csv"
    }
    clips = torch.randn(2, 22, 8, 3)
    torch.save(clips, tmp_path / "clips.pt")
    command = [sys.executable, "-c", USE, REPO, "clips.pt", "features.pt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = load_release(folder).encode_tracks(clips)
    assert torch.equal(torch.load(tmp_path / "features.pt"), expected)
    # Without a connection, from what that process left.
    hub.shutdown()
    hub.server_close()
    assert torch.equal(from_pretrained(REPO).encode_tracks(clips), expected)


def test_only_files_of_a_release_are_asked_for(hub, tmp_path):
    push_to_hub(release(tmp_path / "release"), REPO, token="hf_mine", revision="draft")
    assert hub.branches == ["main", "draft"]
    hub.files["pytorch_model.bin"] = hub.files["model.py"] = b"import os"
    hub.requests.clear()
    folder = from_hub(REPO, cache=tmp_path / "cache")
    assert {line.rpartition("/")[2] for line in hub.requests} == {*hub.files} - {
        "pytorch_model.bin", "model.py",
    }  # fmt: skip
    assert folder.name == hub.commit and tmp_path / "cache" in folder.parents


def test_without_a_licence_of_the_data_nothing_is_sent(hub, tmp_path):
    folder = release(tmp_path / "release", None)
    with pytest.raises(ConfigError, match="states no licence of the data that it learned from"):
        push_to_hub(folder, REPO, token="hf_mine")
    with pytest.raises(ConfigError, match="expected one line of at most 300 letters"):
        push_to_hub(folder, REPO, "a\nb", token="hf_mine")
    stated = release(tmp_path / "stated")
    with pytest.raises(ConfigError, match=r"'MIT': .*stated states 'CC-BY-4.0'; leave it out"):
        push_to_hub(stated, REPO, "MIT", token="hf_mine")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("licence", "use", "commercial"),
    [
        ("CC-BY-4.0", "allowed", True),
        ("CC-BY-NC-4.0", "forbidden", False),
        ('"x"', "not known", None),
    ],
)
def test_a_licence_that_is_given_stands_in_what_is_sent(hub, tmp_path, licence, use, commercial):
    folder = release(tmp_path / "release", None)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    push_to_hub(folder, REPO, licence, token="hf_mine")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    other = from_hub(REPO)
    page = (other / "README.md").read_text()
    head = yaml.safe_load(page.split("---")[1])
    assert head["data_licence"] == licence and head["commercial_use"] == use
    assert f"Licence of these data: {licence}; " in page and "not stated" not in page.split("##")[2]
    data = release_data(other)
    assert data is not None and (data.licence, data.commercial) == (licence, commercial)
    assert json.loads((other / "metrics.json").read_text())["commercial_use"] is commercial


def test_a_release_that_knows_nothing_of_its_data(hub, tmp_path):
    folder = save_release(GraphEncoder(UIPRMD22, hidden_channels=4, depth=1), tmp_path / "release")
    push_to_hub(folder, REPO, "MIT", token="hf_mine")
    page = hub.files["README.md"].decode()
    assert 'data_licence: "MIT"' in page and "Licence of these data: MIT; it allows" in page


def test_what_is_damaged_is_refused_and_fetched_again(hub, tmp_path):
    push_to_hub(release(tmp_path / "release"), REPO, token="hf_mine")
    weights = hub.files["model.safetensors"]
    hub.files["model.safetensors"] = weights[:-1] + bytes([weights[-1] ^ 1])
    with pytest.raises(CheckpointError, match=r"safetensors: not as it was written, its size or S"):
        from_hub(REPO)
    hub.files["model.safetensors"] = weights[:-1]
    with pytest.raises(CheckpointError, match=r"somebody/walks: model.safetensors: \d+ bytes, exp"):
        from_hub(REPO)
    hub.files["model.safetensors"] = weights
    folder = from_hub(REPO)
    path = (folder / "model.safetensors").resolve()
    path.write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="it was removed, so fetch it again"):
        from_hub(REPO)
    assert isinstance(from_pretrained(REPO), GraphEncoder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"model.py": (1, "")}, "'model.py': no file of a release"),
        ({"../model.py": (1, "")}, "damaged"),
        ({"README.md": (2**30, "")}, "1073741824 bytes, expected at most 1048576"),
        ({"manifest.json": (1, "")}, "no file of a release"),
        (None, "lists no config.json"),
    ],
)
def test_a_hostile_manifest(hub, tmp_path, files, message):
    push_to_hub(release(tmp_path / "release"), REPO, token="hf_mine")
    content = json.loads(hub.files["manifest.json"])
    more = {name: {"size": size, "sha256": text} for name, (size, text) in (files or {}).items()}
    content["files"] = {} if files is None else {**content["files"], **more}
    hub.files["manifest.json"] = json.dumps(content).encode()
    with pytest.raises(CheckpointError, match=message):
        from_hub(REPO)


def test_a_large_manifest_is_not_fetched(hub):
    hub.files["manifest.json"] = b" " * (2**20 + 1)
    with pytest.raises(CheckpointError, match="1048577 bytes, expected at most 1048576"):
        from_hub(REPO)
    assert [line.split()[0] for line in hub.requests] == ["HEAD"]


def test_what_fails_there_is_one_line(hub, tmp_path, monkeypatch):
    folder = release(tmp_path / "release")
    for call in (
        lambda: from_hub(REPO),
        lambda: from_hub("no repository/at/all"),
        lambda: push_to_hub(folder, REPO, token="hf_other"),
    ):
        with pytest.raises(
            ConfigError, match=r"^(somebody/walks|no repository/at/all): "
        ) as caught:
            call()
        assert "\n" not in str(caught.value) and "hf_other" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"needs huggingface_hub: pip install '.*\[hub\]'"):
        from_hub(REPO)


def test_folders_stay_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "somebody" / "walks")
    assert isinstance(from_pretrained(REPO), GraphEncoder)
    with pytest.raises(ConfigError, match="is a folder here, which has none"):
        from_pretrained(REPO, revision="main")
    with pytest.raises(CheckpointError, match="no release with a manifest"):
        push_to_hub(tmp_path, REPO)
    (tmp_path / "somebody" / "walks" / "README.md").write_text("mine")
    with pytest.raises(CheckpointError, match=r"README.md: not as it was written"):
        push_to_hub(tmp_path / "somebody" / "walks", REPO)


def test_names_of_the_hub_are_told_from_folders(hub, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    push_to_hub(release(tmp_path / "release"), REPO, token="hf_mine", revision="draft")
    caplog.set_level("INFO", "pyg_skeletonmae")
    folder = find_release(f"{REPO}@draft")
    assert (
        folder.name == hub.commit and f"{REPO}@draft: commit {hub.commit} of the Hub" in caplog.text
    )
    hub.requests.clear()
    assert find_release(f"{REPO}@{hub.commit}") == folder and not hub.requests
    with pytest.raises(ConfigError, match=f"{REPO}@draft: names a revision; leave .main. out"):
        from_hub(f"{REPO}@draft", revision="main")
    hub.requests.clear()
    for name in ("runs", "runs/pre/train", "/runs/pretrain", "../runs", "./walks", tmp_path / "a"):
        assert find_release(name) == Path(name)  # which says later that nothing is there
    assert hub.requests == []


def test_a_folder_that_is_missing_may_have_been_meant(hub, monkeypatch):
    said = "runs/pretain: .*; nor is there a folder runs/pretain here$"
    with pytest.raises(ConfigError, match=said):
        find_release("runs/pretain")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=rf"needs huggingface_hub: .*\[hub\]'{said[14:]}"):
        find_release("runs/pretain")


@pytest.fixture
def run(hub, tmp_path, monkeypatch, capsys):
    """Runs a command line where a pre-training on the clips of ``data`` is on the Hub."""
    monkeypatch.chdir(tmp_path)
    run, clips = runner(capsys), write_packed(tmp_path / "sticks.npz")
    data = ("--data.name=npz", f"--data.path={clips}", "--data.cache=cache")
    assert run("pretrain", *FAST, *TINY, *data, "--out=pre")[0] == 0
    push_to_hub("pre", REPO, "CC-BY-4.0", token="hf_mine")
    shutil.rmtree("pre")
    capsys.readouterr()
    return lambda *words: run(*words, *(data if words[0] in ("finetune", "evaluate") else ()))


def test_commands_take_names_of_the_hub(hub, run, tmp_path):
    """Results and settings name the commit, so that the same weights are found again."""
    commit = f"{REPO}@{hub.commit}"
    code, out, err = run("evaluate", "--pretrained", REPO, "--data.frames=6", "--out=knn")
    results = json.loads(out)
    assert code == 0 and results["features"] == commit, err
    assert f"other clips than {commit} was trained on: frames" in results["notes"][0]
    assert yaml.safe_load(Path("knn/config.yaml").read_text())["pretrained"] == commit
    again = run("evaluate", "--config=knn/config.yaml", "--out=again")
    assert json.loads(again[1])["top1"] == results["top1"]
    tuned = run("finetune", "--pretrained", REPO, *FAST, "--model=Classifier", "--out=tuned")
    assert tuned[0] == 0, tuned[2]
    told = json.loads(Path("tuned/release/metrics.json").read_text())
    assert told["pretraining"]["licence"] == "CC-BY-4.0"
    (store,) = map(str, Path("cache").glob("sticks-*"))
    for words in (
        ("embed", REPO, store, "--out=rows.csv"),
        ("export", REPO, "--to=torch", "--out=model.pt2"),
        ("release", REPO, "--out=here"),
        ("verify", REPO, "here"),
    ):
        code, out, err = run(*words)
        assert code == 0 and f"{REPO}: commit {hub.commit} of the Hub" in err, err
    assert len(Path("rows.csv").read_text().splitlines()) == 17
    assert Path("here/model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert "no folder here to write to" in the_error(run("export", REPO, "--to=torch"))
    # A folder here comes first.
    Path(REPO).parent.mkdir()
    shutil.copytree("tuned/release", REPO)
    hub.requests.clear()
    assert run("predict", REPO, store)[0] == 0 and not hub.requests


def test_commands_say_what_is_wrong_with_a_name(hub, run, monkeypatch):
    for words in (
        ("predict", "some/body", "sticks.npz"),
        ("embed", "some/body", "sticks.npz", "--out=rows.csv"),
        ("evaluate", "--pretrained=some/body"),
        ("finetune", "--pretrained=some/body"),
        ("verify", "some/body"),
    ):
        assert the_error(run(*words)) == (
            "some/body: on the Hub: no such repository, or a private one: log in by hf auth login; "
            "nor is there a folder some/body here"
        )
    assert "no such branch, tag or commit" in the_error(run("verify", f"{REPO}@v7"))
    del hub.files["manifest.json"]
    hub.files["model.bin"] = b"another library's"
    assert "on the Hub: holds no manifest.json, so no release" in the_error(run("verify", REPO))
    hub.shutdown()
    hub.server_close()
    offline = the_error(run("predict", "some/body", "sticks.npz"))
    assert "on the Hub: cannot be reached, and nothing was fetched before" in offline
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "needs huggingface_hub: pip install" in the_error(run("predict", "some/body", "x.csv"))
