"""`python -m kcifar.report`: tables, figures and a page from saved runs. The options are in `kcifar/commands/report.py`."""

from kcifar.commands.report import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
