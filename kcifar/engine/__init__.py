"""The training step and the loop around it. The trainer needs only `TrainingLoop`, and for an epoch only its `run_epoch`."""
