"""`python -m kcifar.models`: the networks and their sizes. The options are in `kcifar/commands/models.py`."""

from kcifar.commands.models import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
