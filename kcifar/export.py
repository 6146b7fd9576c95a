"""`python -m kcifar.export`: an inference model from a saved run. The options are in `kcifar/commands/export.py`."""

from kcifar.commands.export import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
