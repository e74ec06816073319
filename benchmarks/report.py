"""Tables of what was measured: for the terminal and for the page "How it was made fast"."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RATIOS = Path(__file__).with_name("rows") / "ratios.json"
Row = dict[str, Any]


def ratios() -> tuple[list[Row], Row]:
    """Read what `make bench` wrote: the rows of its table, and the machine."""
    content = json.loads(RATIOS.read_text(encoding="utf-8"))
    machine = content["machine_info"]
    return [bench["extra_info"] for bench in content["benchmarks"]], machine


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{unit}"


def cells(row: Row) -> list[str]:
    """Return a line of the table: row, reached, wanted, aim, and whether it is enough."""
    unit, reached = row["unit"], row["reached"]
    if row["at_least"] is not None:
        wanted, enough = f"≥ {row['at_least']:g}{unit}", reached >= row["at_least"]
        aim, aimed = f"≥ {row['aim']:g}{unit}", reached >= row["aim"]
    else:
        wanted, enough = f"≤ {row['at_most']:g}{unit}", reached <= row["at_most"]
        aim, aimed = f"≤ {row['aim']:g}{unit}", reached <= row["aim"]
    verdict = "aim" if aimed else "enough" if enough else "missed"
    return [row["row"], _number(reached, unit), wanted, aim, verdict]


HEADER = ["ratio", "reached", "wanted", "aim", "verdict"]


def as_text(rows: Sequence[Row]) -> str:
    """Lay the rows out for a terminal."""
    lines = [HEADER, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 4) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
