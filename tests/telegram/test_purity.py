"""What people read is made without a network, a loop, a database or Telegram's library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import storyline_telegram

PURE = ("answers", "buttons", "cards", "commands", "moments", "outcomes", "pages", "replies", "reports", "routes",
        "standing", "tags", "taps", "templates", "texts", "views")  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_loads_nothing_heavy(name: str) -> None:
    assert (Path(storyline_telegram.__file__).parent / f"{name}.py").is_file()
    code = (
        f"import sys, storyline_telegram.{name}; "
        "print(sorted({'telegram', 'httpx', 'asyncio', 'sqlalchemy', 'pluggy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
