"""The run folder: its files, their schemas, checkpoints and append-only records. Training writes it, everything else reads it here."""
