"""A voice that is written down: what was said, what it says now, and what taps were told."""

from __future__ import annotations

import attrs

from storyline_telegram.buttons import Keyboard
from storyline_telegram.routes import Place
from storyline_telegram.speech import Said


@attrs.define
class Line:
    """One message of the bot, with everything that it ever said."""

    html: str
    keyboard: Keyboard = ()
    earlier: list[str] = attrs.field(factory=list)

    def edit(self, html: str, keyboard: Keyboard = ()) -> None:
        """It says something else now."""
        self.earlier.append(self.html)
        self.html, self.keyboard = html, keyboard

    @property
    def labels(self) -> list[str]:
        """What its buttons say."""
        return [button.label for row in self.keyboard for button in row]

    def button(self, label: str) -> str:
        """What a button sends."""
        return next(str(button.send) for row in self.keyboard for button in row if button.label == label)


@attrs.define
class Paper:
    """Everything that was said. `under` is the message whose button was tapped."""

    lines: list[Line] = attrs.field(factory=list)
    toasts: list[str] = attrs.field(factory=list)
    under: Line | None = None

    def say(self, html: str, keyboard: Keyboard = (), *, silent: bool = False) -> Line:
        """One more message."""
        self.lines.append(Line(html, keyboard))
        return self.lines[-1]

    def tapped(self) -> Line | None:
        """The message that was tapped."""
        return self.under

    def toast(self, text: str, alert: bool = False) -> None:
        """The answer to a tap."""
        self.toasts.append(text)

    @property
    def last(self) -> str:
        """What the last message says now."""
        return self.lines[-1].html


def said(person: int, name: str, text: str = "", chat_kind: str = "supergroup") -> Said:
    """Somebody says something in the team's chat."""
    return Said(Place(-100), chat_kind, f"telegram:{person}", name, None, text, 1)
