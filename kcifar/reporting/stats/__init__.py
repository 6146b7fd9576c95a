"""Statistics of the report, as pure functions of numbers."""
