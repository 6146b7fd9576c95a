"""Where the repository's folders are, for the tests."""

from pathlib import Path

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parent.parent
# What people read: the README, the pages that it links to, the page of the reference runs, and last what contributors read.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "reports" / "README.md", ROOT / "CONTRIBUTING.md"]
