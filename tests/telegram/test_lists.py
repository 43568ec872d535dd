"""Lists of any length and any content are pages that can be sent."""

from __future__ import annotations

from datetime import timedelta

import attrs
from hypothesis import given
from hypothesis import strategies as st

from storyline_core import Draft, Foreseen, Person, PostView, Publication, TeamRole
from storyline_telegram.answers import history_pages, listed_names, plan_pages, queue_pages
from storyline_telegram.pages import MOST_ROWS, paged, read_units
from storyline_telegram.reports import digest
from storyline_telegram.seeing import admin_numbers, admins_of, names_of, number_of_person, people_of
from storyline_telegram.texts import line, shown
from storyline_telegram.views import DayView
from tests.local.drafts import AT as BERLIN_NOON
from tests.local.drafts import BERLIN, draft_of
from tests.telegram.hostile import drafts, hostile
from tests.telegram.markup import length, read

safe = hostile.map(line).map(shown)
SOME = draft_of(b"", post="k3f9a2bcde")


@given(st.lists(safe, max_size=40), safe.filter(lambda text: len(text) < 300))
def test_pages_hold_every_row_once_and_say_how_many_follow(rows: list[str], heading: str) -> None:
    pages = paged("<b>Head</b>", rows, "Foot", groups=[heading] * len(rows))
    assert all(0 < length(read(page)) <= 4096 for page in pages)
    assert all(page.endswith("\n\nFoot") for page in pages)
    fitting = [row for row in rows if read_units(row) + read_units(heading) < 4000]
    assert len(pages) >= len(fitting) / MOST_ROWS
    assert all(any(row in page for page in pages) for row in fitting)


def test_every_page_begins_with_its_heading() -> None:
    pages = paged("Head", [str(n) for n in range(5)], groups=["A", "A", "A", "B", "B"], most_rows=2)
    assert pages == ("Head\n\nA\n0\n1\n… and 3 more", "Head\n\nA\n2\nB\n3\n… and 1 more", "Head\n\nB\n4")


@given(st.lists(drafts(), max_size=4), st.integers(-100, 100), hostile)
def test_every_list_can_be_sent(of: list[Draft], hours: int, account: str) -> None:
    now = (of[0].post.due_at if of else BERLIN_NOON) + timedelta(hours=hours)
    proof = Publication("1", f"https://x.example/{account[:40]}", now)
    views = [PostView(each.post, each.item, proof) for each in of]
    foreseen = [Foreseen(d.post, None, d.post.due_at, d.item, d.post.why, filled=d.publishable) for d in of]
    for page in (
        *queue_pages(account, BERLIN, views, now, {}),
        *history_pages(account, BERLIN, views, now, {}),
        *plan_pages(account, BERLIN, foreseen, now),
        digest(DayView(account, BERLIN, now, tuple(views), tuple(views)), now, {}),
    ):
        assert 0 < length(read(page)) <= 4096


def test_long_days_are_cut_short_and_say_so() -> None:
    view = PostView(attrs.evolve(SOME.post), SOME.item, None)
    said = digest(DayView("main", BERLIN, BERLIN_NOON, ahead=(view,) * 50), BERLIN_NOON, {})
    assert said.endswith("… and 45 more")


def test_admins_are_named_as_people_say_it() -> None:
    said = [listed_names(names) for names in ([], ["Ada"], ["Ada", "Bo"], ["Ada", "Bo", "Cy"], [" ", *"ABCD"])]
    assert said == ["", "Ada", "Ada or Bo", "Ada, Bo or Cy", "A, B or 2 others"]


def test_people_are_called_by_what_is_known_of_them() -> None:
    people = [
        Person("telegram:1", "telegram", "Ada", "ada", role=TeamRole.ADMIN),
        Person("telegram:2", "telegram", "", "ben"),
        Person("telegram:3", "telegram", role=TeamRole.ADMIN),
        Person("telegram:4", "telegram", "Gone", role=TeamRole.ADMIN, active=False),
        Person("cli:maria", "cli", "Maria", role=TeamRole.ADMIN),
    ]
    assert names_of(people) == {"telegram:1": "Ada", "telegram:2": "@ben", "telegram:4": "Gone", "cli:maria": "Maria"}
    assert admins_of(people) == ("Ada", "telegram:3")
    assert admin_numbers(people) == (1, 3)
    assert people_of(None) == ()
    assert [number_of_person(key) for key in ("telegram:7", "telegram:x", "cli:7", "7")] == [7, None, None, None]
