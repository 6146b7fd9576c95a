"""`python -m kcifar.recipes`: the shipped recipes and the keys of a recipe. The options are in `kcifar/commands/recipes.py`."""

from kcifar.commands.recipes import app
from kcifar.core.command import run_app

if __name__ == "__main__":
    run_app(app)
