"""Tables and text for the reader: CSV, Markdown, LaTeX and HTML files, the page, and the terminal."""
