"""Pictures of architectures, drawn from a network's summary (`model.json`) alone: no backend is needed.

From names to meaning: `words` for a layer, `labels` for its group and block, `items` are lines of text, `units` are blocks, `folding` draws
equal ones once. From meaning to places: `measure` texts, `branches` beside a block's main path, `boxes`, `lanes` for long shortcuts,
`stack` for a column, `columns`, `captions`, `legend`, `page`. `paint` draws the page's `shapes`; `picture.draw` does all, `saving.save` writes.
"""
