"""The commands: one file each parses its options, calls the library and exits with a code. `python -m kcifar.NAME` is the door to each."""
