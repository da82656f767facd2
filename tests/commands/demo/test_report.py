from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch

from pyg_skeletonmae.commands.demo.report import Report, Row, write_report
from pyg_skeletonmae.layouts import UIPRMD22

VOID = {"meta", "img"}


@pytest.fixture
def report():
    pos = torch.randn(UIPRMD22.num_joints, 6, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(UIPRMD22.num_joints, 6, dtype=torch.bool)
    mask[8:10] = True
    names = ("error_mm", "mean_pose_mm", "tree_mm", "shifted_mean_pose_mm")
    machine = {"cpus": 2, "system": "Linux"}
    return Report(
        source="UI-PRMD",
        synthetic=False,
        rows=[Row("coordinates", "none", "1-NN", 0.5), Row("STRL", "<b>", "x", 0.4),
              Row("STRL", "pre-trained", "trained on labels", 0.75)],
        gains=[0.3, 0.4],
        chance=0.5,
        clips={"training": 10, "labelled": 4, "test": 12},
        curves={"pretrain": ([1, 2], [3.0, 2.0]), "scratch": ([], []), "finetune": ([1], [1.0])},
        errors=dict.fromkeys(names, 123.4),
        clip=(pos, pos + 0.1, mask),
        skeleton=UIPRMD22,
        confusion=torch.tensor([[3, 1], [2, 4]]),
        class_names=("squat & lunge", "<script>alert(1)</script>"),
        seconds={"pre-training": 12.3},
        peak_gb=1.25,
        info={"command": ["skeletonmae", "demo"], "started": "now", "seed": 3, "machine": machine,
              "versions": {"torch": "2"}},
        settings={"budget": "small", "frames": 6},
    )  # fmt: skip


class Outline(HTMLParser):
    """Collects text, images and links."""

    def __init__(self):
        super().__init__()
        self.text, self.images, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])

    def handle_data(self, data):
        self.text.append(data)


def outline(report, path):
    write_report(report, path)
    seen = Outline()
    seen.feed(path.read_text(encoding="utf-8"))
    return seen, " ".join(" ".join(seen.text).split())


def test_everything_is_in_one_file(report, tmp_path):
    seen, text = outline(report, tmp_path / "report.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert len(seen.images) == 4  # reconstruction, two charts, confusion
    assert all(image.startswith("data:image/png;base64,iVBOR") for image in seen.images)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!data:)|https?://|url\(", page)
    assert "75.0 %" in text and "+25.0 points" in text and "+35.0 ± 63.5 points" in text
    assert "123" in text and "skeletonmae demo" in text and "1.2 GB" in text


def test_text_is_escaped(report, tmp_path):
    seen, text = outline(replace(report, source="<script>x</script>"), tmp_path / "report.html")
    assert "script" not in seen.tags
    assert "<script>x</script>" in text


def test_synthetic_data_and_smoke_tests_are_named(report, tmp_path):
    _, text = outline(report, tmp_path / "report.html")
    assert "synthetic" not in text and "smoke" not in text
    made = replace(report, synthetic=True, settings={"budget": "smoke"})
    _, text = outline(made, tmp_path / "report.html")
    assert "These clips are synthetic." in text and "This was a smoke test" in text


def test_text_and_numbers(report):
    lines = report.text().splitlines()
    assert lines[0].split() == ["features", "start", "protocol", "accuracy"]
    assert lines[4].endswith("+35.0 ± 63.5 points (2 draws of labels), which may be nothing")
    assert lines[3].endswith("75.0 %") and lines[-1] == "took 12 s and at most 1.2 GB of memory"
    numbers = report.numbers()
    assert numbers["results"][0] == {
        "features": "coordinates", "start": "none", "protocol": "1-NN", "top1": 0.5,
    }  # fmt: skip
    assert numbers["seconds"] == {"pre-training": 12.3} and numbers["peak_gb"] == 1.25
