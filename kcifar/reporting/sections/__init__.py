"""The sections of the report, one per file; `kcifar/reporting/section.py` describes such a file."""
