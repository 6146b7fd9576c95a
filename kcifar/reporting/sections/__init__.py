"""The sections of the report, one a file; `kcifar/reporting/section.py` says what a file holds."""
