"""The training step and the epoch drivers. The trainer knows one thing of them: `run_epoch`."""
