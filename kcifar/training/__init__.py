"""Training a run from start to end, evaluating it, and previews of a recipe that train nothing."""
