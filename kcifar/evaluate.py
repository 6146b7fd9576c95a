"""`python -m kcifar.evaluate`: metrics of a split for a saved run. The options are in `kcifar/commands/evaluate.py`."""

from kcifar.commands.evaluate import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
