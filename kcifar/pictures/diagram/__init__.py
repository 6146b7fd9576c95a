"""Pictures of architectures, drawn from a network's summary (`model.json`) alone: no backend is needed.

From names to meaning: `words` describes a layer, `labels` finds its group and block, `items` are lines of text, `units` are blocks, `folding`
draws equal ones once. From meaning to places: `branches` next to a block's main path, `boxes`, `lanes` for long shortcuts, `box_column`,
`column_breaks`, `captions`, `legend`, `page`. `paint` draws the page's `shapes`; `paint.draw_network` does it all.
"""
