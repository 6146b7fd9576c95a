"""The torch implementation of the engine: updates."""
