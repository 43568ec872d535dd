"""What is used in a ``with`` block and ends with it."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Ending:
    """Closed at the end of its block, however that ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends it."""
        raise NotImplementedError
