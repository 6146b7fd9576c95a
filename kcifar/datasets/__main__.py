"""`python -m kcifar.datasets`: what a data set holds. The options are in `kcifar/commands/datasets.py`."""

from kcifar.commands.datasets import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
