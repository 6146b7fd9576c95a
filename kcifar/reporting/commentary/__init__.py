"""What can be said of a run in sentences, one topic a file; every sentence follows from the numbers given to it."""
