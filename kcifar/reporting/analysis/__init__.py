"""Comparisons of several runs: groups, differences between recipes, studies, the most accurate run."""
