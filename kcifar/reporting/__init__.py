"""Tables and figures from saved runs.

Everything here reads run folders and nothing else: no backend is imported, no file of a run is changed. A section of the report
is one file in `sections/`; `section.py` says what such a file holds.
"""
