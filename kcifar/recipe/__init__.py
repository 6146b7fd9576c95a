"""Recipes: YAML with line numbers, `extend`, overrides, and the keys of a recipe and its stages."""
