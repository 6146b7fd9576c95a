"""`kcifar <command>`, the same as `python -m kcifar.<command>`."""

import importlib
import sys

from kcifar.core.command import run_app
from kcifar.core.errors import did_you_mean

COMMANDS = {
    "train": "train all stages of a recipe, read the test part once, save the run",
    "report": "tables and figures from saved runs",
    "evaluate": "metrics and predictions of a split of a saved run",
    "export": "an inference model, verified by reloading it",
    "datasets": "what a data set holds, whether its files are whole, what augmentation makes of it",
    "models": "the networks, their sizes, and pictures of them",
    "bench": "measurements on this machine",
    "recipes": "the shipped recipes, every key of a recipe, a JSON Schema for editors",
}


def main() -> None:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("usage: kcifar COMMAND [OPTIONS]\n\n" + "\n".join(f"  {command:10} {text}" for command, text in COMMANDS.items()))
        print("\nkcifar COMMAND --help shows a command's options.")
        sys.exit(0)
    if name not in COMMANDS:
        print(f"error: no command {name!r}{did_you_mean(name, COMMANDS)} (there are: {', '.join(COMMANDS)})", file=sys.stderr)
        sys.exit(2)
    sys.argv = [f"kcifar {name}", *sys.argv[2:]]
    run_app(importlib.import_module(f"kcifar.commands.{name}").app)


if __name__ == "__main__":
    main()
