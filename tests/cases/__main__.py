"""`python -m tests.cases FILE`: every case of a file through the API of a service of its own.

Exits with 1 where a case failed, with 2 where the file can't be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.cases.case import UnreadableFileError, cases_of
from tests.cases.run import asks, outcomes, report
from tests.cases.service import service

FAILED, UNREADABLE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Print what became of each case, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.cases", description=__doc__)
    parser.add_argument("file", type=Path, help="cases of other systems, as JSON")
    file: Path = parser.parse_args(arguments).file
    try:
        cases = cases_of(file)
    except UnreadableFileError as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    with service() as client:
        found = list(outcomes(cases, asks(client)))
    sys.stdout.write(report(found) + "\n")
    return FAILED if any(each.kind == "failed" for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
