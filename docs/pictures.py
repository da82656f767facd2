"""Writes the pictures of the landing page and of the gallery: ``python docs/pictures.py``.

A small network learns for a minute to restore hidden joints of made-up people; what it restores is
the moving picture. The others are the first large pictures of the notebooks.
"""

from __future__ import annotations

import base64
import io
import json
import tempfile
from pathlib import Path

import torch
from PIL import Image

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.evaluation.restoration import restore
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import MaskedPretrainer, STGCNEncoder
from pyg_skeletonmae.training import OptimConfig, Trainer
from pyg_skeletonmae.transforms import RandomTokenMask, standard_transform
from pyg_skeletonmae.visualize import Page, Panel, Scene
from pyg_skeletonmae.visualize.viewer import save_page

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH, THUMBNAIL, COLOURS = 600, 300, 32
PICTURES = {"03": 2, "04": 1, "05": 2, "07": 1}  # which of a notebook's, if not the first


def landing() -> None:
    """A clip as the network sees it, as it is, and as the network restores it."""
    torch.manual_seed(0)
    dataset = SyntheticActions(240, "uiprmd22", num_classes=6)
    skeleton, frames = dataset.skeleton, 48
    plain = standard_transform(skeleton, frames, train=False, center="mean")
    model = MaskedPretrainer(STGCNEncoder(skeleton, channels=[32, 64, 64]), RandomTokenMask(0.6))
    trainer = Trainer(max_epochs=30, optim=OptimConfig(lr=2e-3), accelerator="cpu", progress=False)
    trainer.fit(model, SkeletonLoader(dataset, 16, plain, shuffle=True))
    clip = plain(SyntheticActions(12, "uiprmd22", num_classes=6, seed=1)[2])
    made = restore(model, clip, others=())
    panels = [
        Panel(made.pos, skeleton, valid=made.valid, masked=made.mask, title="what it sees"),
        Panel(made.pos, skeleton, valid=made.valid, title="the clip"),
        Panel(
            made.restored, skeleton, valid=made.valid, masked=made.mask, restored=True,
            title="what it makes of it",
        ),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        film = save_page(Page("", [Scene(panels, fps=15.0)]), Path(folder) / "film.gif")
        smaller(film, IMAGES / "landing.gif")


def smaller(film: Path, out: Path) -> None:
    """A film in fewer points and colours, so that a page loads at once."""
    with Image.open(film) as source:
        height = round(source.height * WIDTH / source.width)
        frames = []
        for number in range(source.n_frames):
            source.seek(number)
            frame = source.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
            frames.append(frame.quantize(COLOURS, dither=Image.Dither.NONE))
        duration = source.info["duration"]
    first, *others = frames
    first.save(out, save_all=True, append_images=others, duration=duration, loop=0, optimize=True)


def thumbnails() -> None:
    """One picture of each notebook."""
    folder = IMAGES / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        found = [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]
        picture = base64.b64decode("".join(found[PICTURES.get(path.stem[:2], 0)]))
        with Image.open(io.BytesIO(picture)) as image:
            image = image.convert("RGB")
            image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            image.quantize(64).save(folder / f"{path.stem[:2]}.png", optimize=True)


if __name__ == "__main__":
    landing()
    thumbnails()
