"""The reference of the recipe language, made from the code itself: keys, parts, shipped recipes, and the JSON Schema for editors."""
