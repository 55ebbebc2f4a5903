"""What a terminal shows while a scan runs: lines as they come and, below them, a live bar."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Self, TextIO

from freehold.responses.summary import Summary
from freehold.responses.wording import count_text, printable_path, seconds_text, size_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

PATIENCE = 0.5
"""Seconds that a scan may take before the bar appears (and its library is imported)."""

REFRESH_PER_SECOND = 8


class Screen:
    """Prints lines and, when a scan takes longer than ``PATIENCE``, keeps a live bar below them.

    Args:
        summary: the counts that the bar shows.
        count: counts what is to be done, beside the scan; None when that cannot be known before its end.

    Attributes:
        current: the path that was opened last.
    """

    def __init__(self, summary: Summary, count: Callable[[], Iterator[int]] | None) -> None:
        self.current = b""
        self._summary = summary
        self._count = count
        self._total: int | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._live: Live | None = None
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._live:
            self._live.stop()
            self._live = None

    def line(self, text: str, stream: TextIO) -> None:
        """Print one line that is already safe to print, above the bar."""
        with self._lock:
            if self._live and stream.isatty():
                self._live.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
            else:
                print(text, file=stream, flush=self._live is not None)

    def _show(self) -> None:
        if self._over.wait(PATIENCE):
            return
        from rich.live import Live

        live = Live(
            console=_console(),
            get_renderable=self._picture,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with self._lock:
            if self._over.is_set():
                return
            live.start()
            self._live = live
        counted = None
        for number in self._count() if self._count else ():
            if self._over.is_set():
                return
            counted = number
        self._total = counted

    def _picture(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        summary, total = self._summary, self._total
        seconds = max(time.monotonic() - self._began, 1e-3)
        state = Text(no_wrap=True, overflow="ellipsis")
        state.append(f"{summary.found:,} found", style="bold red" if summary.found else "green")
        state.append(f"  {summary.files / seconds:,.0f} files/s  {size_text(summary.bytes / seconds)}/s  ")
        state.append(printable_path(self.current), style="dim")
        if not total:
            return Group(Text(f"{count_text(summary.files, 'file')} in {_rough(seconds)}"), state)
        left = max(total - summary.files, 0) * seconds / max(summary.files, 1)
        row = Table.grid(padding=(0, 2))
        row.add_row(
            ProgressBar(total=total, completed=min(summary.files, total), width=30),
            f"{summary.files:,} of {total:,} files",
            f"about {_rough(left)} left",
        )
        return Group(row, state)


def _rough(seconds: float) -> str:
    return seconds_text(seconds) if seconds >= 60 else f"{max(round(seconds), 1)} s"


def _console() -> "Console":
    from rich.console import Console

    # Lines on the same terminal must go through the same console, or they would break the bar.
    return Console(file=sys.stdout if sys.stdout.isatty() else sys.stderr, force_terminal=True)
