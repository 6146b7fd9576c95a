"""Make the five small pictures at the top of the README from a finished run on CIFAR-10.

    python docs/images/strip.py runs/three_stage-seed0 CHROMIUM

In the root of the repository; CHROMIUM is the browser that draws the page.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent
SIZE = (480, 400)


def main() -> None:
    """Draw everything into a temporary folder, and write the pictures beside this file."""
    run, browser = Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        draw(run, made, browser)
        figures = made / "figures" / run.name
        sources = {
            "augmentation": made / "augmentation.png",
            "network": made / "network.png",
            "curves": figures / "history.png",
            "confusion": figures / "confusion_counts.png",
            "page": made / "page.png",
        }
        for title, source in sources.items():
            crop_and_shrink(source).save(FOLDER / f"{title}.png", optimize=True)


def draw(run: Path, made: Path, browser: str) -> None:
    """Draw the sources of the pictures by kcifar's own commands, and the first screen of the page."""
    recipe = str(run / "recipe.yaml")
    preview = ["datasets", "preview", "--stages", recipe, "--count", "4", "--versions", "3", "--out", str(made / "augmentation.png")]
    for command in (
        preview,
        ["models", "resnet20", "--diagram", str(made / "network.png")],
        ["report", str(run), "--out", str(made), "--format", "page,png"],
    ):
        subprocess.run([sys.executable, "-m", "kcifar", *command], check=True)
    page = (made / "report.html").as_uri()
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1280,1067", f"--screenshot={made / 'page.png'}"]
    subprocess.run([browser, *options, page], check=True)


def crop_and_shrink(source: Path) -> Image.Image:
    """Return the upper left part of a picture that has the shape of all, in their size."""
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    height = round(image.width * SIZE[1] / SIZE[0])
    canvas = Image.new("RGB", (image.width, height), "white")
    canvas.paste(image, (0, max(0, (height - image.height) // 2)))
    return canvas.resize(SIZE, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
