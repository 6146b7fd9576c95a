"""Inference models from saved runs. Each export is written, reloaded in another process and compared with the run before it is kept."""
