"""From a recipe to what will run: checked parts, the data set split and described, and the batches of every epoch."""
