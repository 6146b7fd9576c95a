"""Figures: style, saving, text that fits, image grids, and diagrams of networks."""
