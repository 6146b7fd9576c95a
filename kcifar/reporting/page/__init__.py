"""Tables and text as files: CSV, Markdown, LaTeX, HTML, the page, the terminal."""
