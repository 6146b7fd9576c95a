"""The commands: each file parses the options of one command and calls the library. `python -m kcifar.NAME` runs them."""
