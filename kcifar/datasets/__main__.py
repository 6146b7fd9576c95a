"""`python -m kcifar.datasets`: what a data set contains. `kcifar/commands/datasets.py` defines the options."""

from kcifar.commands.datasets import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
