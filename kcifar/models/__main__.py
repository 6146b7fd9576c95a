"""`python -m kcifar.models`: the networks and their sizes. `kcifar/commands/models.py` defines the options."""

from kcifar.commands.models import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
