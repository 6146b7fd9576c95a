"""`kcifar <command>`, the same as `python -m kcifar.<command>`."""

import importlib
import sys

from kcifar.core.command import run_app
from kcifar.core.errors import did_you_mean

COMMANDS = {
    "train": "train all stages of a recipe, evaluate once on the test split, save the run",
    "report": "make tables and figures from saved runs",
    "evaluate": "evaluate a saved run on its test or validation split",
    "export": "export a saved run's model for inference, verified by reloading it",
    "datasets": "inspect a data set, verify its files, preview how a recipe augments it",
    "models": "list the networks and their sizes, show and draw one",
    "recipes": "list the shipped recipes, explain every key, write a JSON Schema for editors",
    "bench": "measure speeds on this machine",
}


def main() -> None:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("usage: kcifar COMMAND [OPTIONS]\n\n" + "\n".join(f"  {command:10} {text}" for command, text in COMMANDS.items()))
        print("\nkcifar COMMAND --help shows a command's options.")
        sys.exit(0)
    if name not in COMMANDS:
        print(f"error: no command {name!r}{did_you_mean(name, COMMANDS)} (available: {', '.join(COMMANDS)})", file=sys.stderr)
        sys.exit(2)
    is_module = bool(getattr(sys.modules["__main__"], "__package__", None))  # python -m kcifar, not the console script
    sys.argv = [name if is_module else f"kcifar {name}", *sys.argv[2:]]  # from which --help says how to run the command
    run_app(importlib.import_module(f"kcifar.commands.{name}").app)


if __name__ == "__main__":
    main()
