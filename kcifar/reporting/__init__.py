"""Tables and figures from saved runs.

Everything here only reads run folders: no backend is imported, no file of a run is changed. Each section of the report is one file
in `sections/`; `section.py` describes such a file.
"""
