"""`python -m kcifar.train`: train all stages of a recipe. The options are in `kcifar/commands/train.py`."""

from kcifar.commands.train import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
