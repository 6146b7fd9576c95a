"""Planning: recipe + registries + data set -> what will run, and the batches of each epoch; no backend is imported."""
