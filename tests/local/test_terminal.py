"""What the terminal shows, word for word."""

from __future__ import annotations

import os
import pty
from datetime import timedelta
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import attrs
import pytest

from storyline_core import Alert, AlertLevel, Description, Draft, Message, PostState, Unavailable
from storyline_local.cards import card
from storyline_local.folder import FolderSource
from storyline_local.terminal import TerminalNotifier
from tests.local.drafts import AT, again, draft_of, picture
from tests.local.places import put

CARD = """\
Story k3f9a2 for main, Fri 01 May 2026, 09:12 Europe/Berlin
-----------------------------------------------------------
Summer tee
File:        merch/tee.jpg (source photos)
Size:        108 x 192, image/jpeg, 1.2 MB
Caption:     New in: the summer tee.
Link:        https://shop.example/tee
Tags:        #summer #merch
Add:         poll: question: Which one?; options: red / blue
Posting:     has to be by hand: it needs a sticker
Category:    merch
Last posted: Wed 01 Apr 2026, 09:00 Europe/Berlin
Why:         never posted before; merch is due in the mix

  storyline queue posted k3f9a2        it is posted
  storyline queue skip k3f9a2          not now
  storyline queue swap k3f9a2          another picture, please

"""

NARROW = """\
Reminder: story k3f9a2 for main, Fri 01
May 2026, 09:12 Europe/Berlin
----------------------------------------
tee.jpg
File:        merch/tee.jpg (source
             photos)
Size:        108 x 192, image/jpeg, 1.2
             MB
Caption:     One

             two \ufffd[31mthree
Link:        https://shop.example/a-long-address-that-stays-whole
Category:    merch
Last posted: never
Why:         never posted before; merch
             is due in the mix

  storyline queue approve k3f9a2
      Storyline publishes it
  storyline queue posted k3f9a2
      it is posted
  storyline queue skip k3f9a2
      not now
  storyline queue swap k3f9a2
      another picture, please

"""


def a_draft(words: Description | None = None) -> Draft:
    draft = draft_of(None) if words is None else draft_of(None, words=words)
    return attrs.evolve(draft, item=attrs.evolve(draft.item, size=1_234_567))


def test_the_card_says_everything_that_posting_by_hand_needs() -> None:
    stream = StringIO()
    draft = attrs.evolve(a_draft(), last_posted_at=AT - timedelta(days=30))
    message = TerminalNotifier(stream, name="team").offer(draft)
    assert stream.getvalue() == CARD
    assert message == Message(notifier="team", token="k3f9a2@Europe/Berlin")


def test_a_narrow_reminder_of_an_odd_item() -> None:
    link = "https://shop.example/a-long-address-that-stays-whole"
    words = Description(caption="One\n\ntwo \x1b[31mthree", link_url=link)
    draft = attrs.evolve(a_draft(words), reminder=True, publishable=True)
    assert card(draft, "merch/tee.jpg (source photos)", 40) + "\n" == NARROW


def test_a_file_on_this_machine_is_named_by_its_path(tmp_path: Path) -> None:
    put(tmp_path / "merch/tee.jpg", picture())
    source = FolderSource(tmp_path)
    draft = attrs.evolve(a_draft(), open_media=lambda: source.open_media("merch/tee.jpg"))
    stream = StringIO()
    TerminalNotifier(stream, name="team", width=400).offer(draft)
    assert f"File:        {tmp_path}/merch/tee.jpg\n" in stream.getvalue()


def test_an_outcome_is_one_line_in_the_accounts_time() -> None:
    stream = StringIO()
    terminal = TerminalNotifier(stream, name="team")
    draft = a_draft()
    message = terminal.offer(draft)
    stream.truncate(0)
    stream.seek(0)
    done = again(draft, state=PostState.POSTED, decided_by="cli:anna", decided_at=AT)
    terminal.update(message, done.post)
    assert stream.getvalue() == "Story k3f9a2 for main: posted by cli:anna Fri 01 May 2026, 09:00 Europe/Berlin\n"


def test_another_process_knows_the_zone_of_the_card() -> None:
    message = TerminalNotifier(StringIO(), name="team").offer(a_draft())
    stream = StringIO()
    done = again(a_draft(), state=PostState.POSTED, decided_by="cli:anna", decided_at=AT)
    TerminalNotifier(stream, name="team", width=50).update(message, done.post)
    assert stream.getvalue() == "Story k3f9a2 for main: posted by cli:anna Fri 01\nMay 2026, 09:00 Europe/Berlin\n"


@pytest.mark.parametrize("token", ["k3f9a2", "k3f9a2@Nowhere/Atall", "k3f9a2@../../etc/passwd"])
def test_a_card_whose_zone_nobody_knows_is_brought_level_in_utc(token: str) -> None:
    stream = StringIO()
    done = again(a_draft(), state=PostState.POSTED, decided_by="cli:anna", decided_at=AT)
    TerminalNotifier(stream, name="team").update(Message("team", token), done.post)
    assert stream.getvalue().endswith("Fri 01 May 2026, 07:00 UTC\n")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_card_stays_within_the_terminal(width: int) -> None:
    draft = attrs.evolve(a_draft(Description(title="Tee", caption="One two " * 30)), publishable=True)
    post = attrs.evolve(draft.post, id="vzfl6xvngw")
    shown = card(attrs.evolve(draft, post=post), "merch/tee.jpg", width)
    assert max(map(len, shown.splitlines())) <= width
    assert "storyline queue approve vzfl6xvngw" in shown


def test_nobody_is_asked_to_let_storyline_publish_what_needs_a_sticker() -> None:
    shown = card(attrs.evolve(a_draft(), publishable=True), "merch/tee.jpg", 80)
    assert "it needs a sticker" in shown
    assert "approve" not in shown


def test_alerts_say_what_to_do_and_when_it_is_over() -> None:
    stream = StringIO()
    terminal = TerminalNotifier(stream, name="team")
    alert = Alert("outbox", AlertLevel.ERROR, "The outbox is full.", "Free some space there.")
    terminal.alert(alert)
    terminal.alert(attrs.evolve(alert, cleared=True))
    assert stream.getvalue() == "Error: The outbox is full. Free some space there.\nMended: The outbox is full.\n"


def test_signs_that_the_output_cannot_show_do_no_harm() -> None:
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    TerminalNotifier(stream, name="team").offer(a_draft(Description(title="Caf\u00e9 \U0001f600", caption="\ud800")))
    assert b"Caf? ?\n" in raw.getvalue()


def test_only_a_terminal_gets_bold_letters() -> None:
    theirs, ours = pty.openpty()
    with os.fdopen(ours, "w") as stream:
        TerminalNotifier(stream, name="team", width=80).alert(Alert("x", AlertLevel.INFO, "Hello."))
        assert os.read(theirs, 100) == b"\x1b[1mInfo:\x1b[0m Hello.\r\n"
    os.close(theirs)


def test_output_that_nobody_reads_any_more_is_unavailable() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    terminal = TerminalNotifier(stream, name="team")
    with pytest.raises(Unavailable, match="printed"):
        terminal.offer(a_draft())
    with pytest.raises(OSError, match="pipe"):
        stream.close()
    with pytest.raises(Unavailable):
        terminal.check()
