"""Runs the steps of the tour and prints each as it happens.

Knows how a step reads on a terminal and in a pipe; does not know what any step does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ostiary.demo.client import Disconnected
from ostiary.demo.stage import Notes, Stage
from ostiary.demo.steps import Step

__all__ = ["run_tour"]

_STEP_SECONDS = 10.0
"""Longer than any step takes on a busy machine, short enough that a tour that hangs says where."""


async def run_tour(stage: Stage, steps: Sequence[Step], console: Console) -> list[str]:
    """Takes the steps in order; gives the names of those that did not come out as told."""

    def tell(mark: str, line: str) -> None:
        console.print(Text.assemble(f"     {mark} ", line), soft_wrap=True)

    failed = []
    for number, step in enumerate(steps, 1):
        console.print(Text.assemble((f"{number:>3}. {step.title}", "bold"), ("  " + step.name, "dim")))
        notes = Notes(tell)
        try:
            await asyncio.wait_for(step.act(stage, notes), _STEP_SECONDS)
        except TimeoutError:
            notes.unmet.append("no answer in time")
        except (Disconnected, OSError, ValueError) as error:
            notes.unmet.append(f"cut short: {error or type(error).__name__}")
        _conclude(console, step, notes)
        if notes.unmet:
            failed.append(step.name)
    return failed


def _conclude(console: Console, step: Step, notes: Notes) -> None:
    """The last lines of a step: TLS on both sides, and whether it came out as told."""
    if notes.client_side:
        text = f"client ({notes.client_side}) → Ostiary → directory ({notes.upstream_side})"
        console.print(Text(f"       {text}", style="dim"), soft_wrap=True)
    for line in notes.unmet:
        console.print(Text(f"   ✘ {line}", style="red"), soft_wrap=True)
    if not notes.unmet:
        console.print(Text.assemble(("   ✔ ", "green"), f"as expected: {step.expected}"), soft_wrap=True)
    console.print()
