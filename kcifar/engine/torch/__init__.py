"""The engine's torch parts: updates."""
