"""`python -m kcifar.bench`: measurements on this machine. The options are in `kcifar/commands/bench.py`."""

from kcifar.commands.bench import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
