"""A run described in sentences, one topic per file; every sentence follows from the numbers passed to it."""
