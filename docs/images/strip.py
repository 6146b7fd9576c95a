"""Make the five small pictures at the top of the README from a run on CIFAR-10.

    python docs/images/strip.py reports/runs/three_stage-seed0 /data/cifar-10-batches-py chromium

In the root of the repository; the last word is the browser that draws the page.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

FOLDER = Path(__file__).parent
SIZE = (480, 420)


def main() -> None:
    """Draw everything into a temporary folder, and write the pictures beside this file."""
    run, data, browser = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        draw(run, data, made, browser)
        figures = made / "figures" / run.name
        sources = {
            "augmentation": made / "augmentation.png",
            "network": made / "network.png",
            "curves": figures / "history.png",
            "confusion": figures / "confusion_counts.png",
            "page": made / "page.png",
        }
        for title, source in sources.items():
            shrink(source).save(FOLDER / f"{title}.png", optimize=True)


def draw(run: Path, data: str, made: Path, browser: str) -> None:
    """Draw the sources of the pictures by kcifar's own commands, and the first screen of the page."""
    recipe = str(run / "recipe.yaml")
    for command in (
        ["datasets", "preview", "--stages", recipe, "--data", data, "--count", "3", "--versions", "3", "--out", str(made / "augmentation.png")],
        ["models", "resnet20", "--diagram", str(made / "network.png")],
        ["report", str(run), "--out", str(made), "--format", "page,png"],
    ):
        subprocess.run([sys.executable, "-m", "kcifar", *command], check=True)
    page = (made / "report.html").as_uri()
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1280,1000", f"--screenshot={made / 'page.png'}"]
    subprocess.run([browser, *options, page], check=True)


def shrink(source: Path) -> Image.Image:
    """Return a picture in the size of all, entire, on white."""
    with Image.open(source) as opened:
        return ImageOps.pad(opened.convert("RGB"), SIZE, Image.Resampling.LANCZOS, color="white")


if __name__ == "__main__":
    main()
