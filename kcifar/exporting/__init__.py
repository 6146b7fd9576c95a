"""Inference models from saved runs. Each format is written, reloaded in another process and compared before it is called done."""
