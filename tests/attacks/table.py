"""The table of attacks: what came of each case in each shell."""

from __future__ import annotations

from pathlib import Path


class Table:
    """Outcomes by case and column, written as Markdown and counted by group."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, str]] = {}

    def note(self, group: str, case: str, column: str, outcome: str) -> None:
        """Note the *outcome* of *case*; FAILED stays FAILED."""
        row = self._rows.setdefault((group, case), {})
        if row.get(column) != "FAILED":
            row[column] = outcome

    def columns(self) -> list[str]:
        """Return the columns in the order in which they came first."""
        return list(dict.fromkeys(name for row in self._rows.values() for name in row))

    def counts(self) -> list[str]:
        """Return a line a group: how many cases there are, and how many held in each column."""
        columns = self.columns()
        groups = dict.fromkeys(group for group, _case in self._rows)
        lines = [_line("group", "cases", columns)]
        for group in groups:
            lines.append(_line(group, *self._count(lambda name, g=group: name == g)))
        lines.append(_line("all", *self._count(lambda _name: True)))
        return lines

    def _count(self, wanted: object) -> tuple[str, list[str]]:
        assert callable(wanted)
        rows = [row for (group, _case), row in self._rows.items() if wanted(group)]
        cells = []
        for column in self.columns():
            found = [row[column] for row in rows if column in row]
            bad = sum(outcome.startswith(("FAILED", "ran")) for outcome in found)
            skipped = sum(outcome == "skipped" for outcome in found)
            text = f"{len(found) - bad - skipped}/{len(found)}"
            cells.append(text + (f" ({skipped} skipped)" if skipped else ""))
        return str(len(rows)), cells

    def markdown(self) -> str:
        """Return the whole table."""
        columns = self.columns()
        lines = [
            "| group | case | " + " | ".join(columns) + " |",
            "|---" * (len(columns) + 2) + "|",
        ]
        for (group, case), row in self._rows.items():
            name = case.replace("|", "\\|")
            cells = " | ".join(row.get(column, "") for column in columns)
            lines.append(f"| {group} | {name} | {cells} |")
        return "\n".join(lines) + "\n"

    def write(self, file: Path) -> None:
        """Write the whole table to *file*."""
        if file.parent.is_dir():
            file.write_text(self.markdown())

    def __bool__(self) -> bool:
        """Return whether anything was noted."""
        return bool(self._rows)


def _line(name: str, number: str, cells: list[str]) -> str:
    return f"{name:<12}{number:>6}  " + "".join(f"{cell:<20}" for cell in cells).rstrip()
