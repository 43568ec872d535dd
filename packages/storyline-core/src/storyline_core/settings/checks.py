"""What types cannot say: ranges, references between tables, names, and addresses of databases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from storyline_core.accounts import Account, Mix, Mode, Schedule
from storyline_core.errors import Problem
from storyline_core.settings.conversion import Outcome
from storyline_core.settings.secret import Secret
from storyline_core.settings.sections import (
    AccountSection,
    AlertsSection,
    BackfillSection,
    BackupsSection,
    HealthSection,
    PublisherSection,
    SecretsSection,
    SourceSection,
)
from storyline_core.settings.surroundings import Surroundings, Wrong, near

T = TypeVar("T")
_NAME = re.compile(r"[^\W_][\w-]{0,63}")
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql", "postgresql+psycopg2")
_DRIVERS = frozenset({"postgres", *_POSTGRES})
_HOUR = timedelta(hours=1)


def account_of(name: str, section: AccountSection) -> Account:
    """The account that a table describes."""
    return Account(
        name=name,
        sources=section.sources,
        schedule=Schedule(
            posts_per_day=section.posts_per_day,
            opens=section.window.opens,
            closes=section.window.closes,
            zone=section.timezone,
            jitter=section.jitter,
        ),
        mode=section.mode,
        notifier=section.notifier,
        publisher=section.publisher,
        categories=section.categories,
        mix=Mix(dict(section.mix)),
        fill_ahead=section.fill_ahead,
        offer_ahead=section.offer_ahead,
        grace=section.grace,
        answer_within=section.answer_within,
        remind_after=section.remind_after,
        unanswered=section.unanswered,
        cooldown_posted=section.cooldown.posted,
        cooldown_skipped=section.cooldown.skipped,
        dry_run=section.dry_run,
        renamed_from=section.renamed_from,
    )


def range_problems(outcome: Outcome[T], path: tuple[str, ...]) -> Iterator[Problem]:
    """Values of the right type that cannot be meant; keys that could not be read are passed over."""
    section = outcome.value
    place = ".".join(path)
    for key, allowed, message, remedy in _RANGES.get(type(section), ()):
        if key not in outcome.bad and not allowed(getattr(section, key)):
            yield Problem(f"{place}.{key}", message, remedy)
    if isinstance(section, AccountSection):
        yield from _mix_problems(section, place)
        if section.remind_after >= section.answer_within and not {"remind_after", "answer_within"} & outcome.bad:
            remedy = "Nobody would be reminded: make answer_within longer, or remind_after shorter."
            yield Problem(f"{place}.remind_after", "this must be less than answer_within.", remedy)
        if section.offer_ahead > section.fill_ahead and not {"offer_ahead", "fill_ahead"} & outcome.bad:
            remedy = "What is not chosen yet cannot be shown: make fill_ahead longer, or offer_ahead shorter."
            yield Problem(f"{place}.offer_ahead", "this must not be more than fill_ahead.", remedy)


def _mix_problems(section: AccountSection, place: str) -> Iterator[Problem]:
    for category, weight in section.mix.items():
        if weight <= 0:
            remedy = "Leave the category out if it is not to be posted."
            yield Problem(f"{place}.mix.{category}", f"a share must be 1 or more, not {weight}.", remedy)
        elif section.categories and category not in section.categories:
            remedy = near(category, section.categories) or "Add it there, or leave it out of the mix."
            yield Problem(f"{place}.mix.{category}", "this category is not among the account's categories.", remedy)


def key_problem(key: Secret) -> tuple[str, str] | None:
    """What is wrong with a key for stored secrets, and what to do."""
    return None if _long_enough(key) else (_KEY_MESSAGE, _KEY_REMEDY)


def _positive(value: object) -> bool:
    return isinstance(value, timedelta) and value > timedelta(0)


def _at_least(shortest: timedelta) -> Callable[[object], bool]:
    return lambda value: isinstance(value, timedelta) and value >= shortest


def _long_enough(key: object) -> bool:
    # Several keys allow a change of keys: the first encrypts, all of them decrypt.
    keys = key.reveal().replace(",", " ").split() if isinstance(key, Secret) else []
    return key is None or (bool(keys) and all(len(one) >= 32 for one in keys))


def _is_host(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.:-]+", value) is not None


def _is_port(value: object) -> bool:
    return value is None or (isinstance(value, int) and 1 <= value <= 65_535)


_KEY_MESSAGE = "a key for stored secrets needs 32 characters or more."
_KEY_REMEDY = "Make one with `openssl rand -hex 32`."
_Range = tuple[str, Callable[[object], bool], str, str]
_RANGES: Mapping[type, tuple[_Range, ...]] = {
    PublisherSection: (
        (
            "backfill",
            lambda value: isinstance(value, BackfillSection) and value.every >= _HOUR,
            "its every must be 1h or more.",
            "What an account posted before seldom changes.",
        ),
    ),
    SourceSection: (
        (
            "sync_interval",
            _at_least(timedelta(seconds=60)),
            "this must be 60s or more.",
            "Changes in between are followed with watch = true.",
        ),
    ),
    AccountSection: (
        ("sources", bool, "this is needed and missing.", "Name at least one source."),
        ("posts_per_day", lambda value: isinstance(value, int) and 1 <= value <= 50, "this must be from 1 to 50.", ""),
        ("fill_ahead", _at_least(_HOUR), "this must be 1h or more.", ""),
        ("offer_ahead", _at_least(timedelta()), "this cannot be negative.", "Use 0m for none."),
        ("grace", _at_least(timedelta(minutes=1)), "this must be 1m or more.", ""),
        ("answer_within", _positive, "this must be more than nothing.", ""),
        ("remind_after", _positive, "this must be more than nothing.", ""),
    ),
    SecretsSection: (("key", _long_enough, _KEY_MESSAGE, _KEY_REMEDY),),
    BackupsSection: (("keep", _at_least(timedelta(days=1)), "this must be 1d or more.", ""),),
    HealthSection: (
        ("port", _is_port, "this must be from 1 to 65535.", ""),
        ("bind", _is_host, "this must be an address of this machine.", 'Write "127.0.0.1" for this machine only.'),
    ),
}


def reference_problems(
    name: str, section: AccountSection, bad: frozenset[str], known: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Names that stand for nothing, and modes that lack what they need."""
    place = f"accounts.{name}"
    if "sources" not in bad:
        for index, source in enumerate(section.sources):
            if source not in known["sources"]:
                yield _nothing(f"{place}.sources[{index}]", source, "source", known["sources"])
            elif source in section.sources[:index]:
                yield Problem(f"{place}.sources[{index}]", f"the source {source!r} is named twice.")
    for key, section_name in (("notifier", "notifiers"), ("publisher", "publishers")):
        given = getattr(section, key)
        if given is not None and given not in known[section_name]:
            yield _nothing(f"{place}.{key}", given, key, known[section_name])
    if "mode" not in bad:
        yield from _mode_problems(place, section, bad)


def _nothing(path: str, name: str, what: str, known: tuple[str, ...]) -> Problem:
    remedy = near(name, known) or f"Configure it under [{what}s.{name}], or leave it out."
    return Problem(path, f"there is no {what} {name!r}.", remedy)


def alert_problems(section: AlertsSection, known: tuple[str, ...]) -> Iterator[Problem]:
    """Names in `[alerts]` that stand for nothing."""
    for index, name in enumerate(section.notifiers):
        if name not in known:
            yield _nothing(f"alerts.notifiers[{index}]", name, "notifier", known)
        elif name in section.notifiers[:index]:
            yield Problem(f"alerts.notifiers[{index}]", f"the notifier {name!r} is named twice.")
    for name in section.levels:
        if name not in section.notifiers:
            remedy = near(name, section.notifiers) or "Name it in alerts.notifiers, or leave it out here."
            yield Problem(f"alerts.levels.{name}", "this is none of alerts.notifiers.", remedy)


def cardless_problem(account: str, notifier: str, kind: str) -> Problem:
    """An account whose notifier only tells alerts."""
    remedy = f'Give it a notifier that shows cards, and name {notifier} under [alerts] notifiers = ["{notifier}"].'
    return Problem(f"accounts.{account}.notifier", f"{notifier} ({kind}) tells alerts and cannot show posts.", remedy)


_NEEDS = {
    Mode.MANUAL: ("notifier",),
    Mode.APPROVE: ("notifier", "publisher"),
    Mode.HYBRID: ("notifier", "publisher"),
    Mode.AUTO: ("publisher",),
}


def _mode_problems(place: str, section: AccountSection, bad: frozenset[str]) -> Iterator[Problem]:
    lacking = [key for key in _NEEDS[section.mode] if getattr(section, key) is None and key not in bad]
    if lacking:
        needs = " and a ".join(lacking)
        remedy = f"Set {' and '.join(lacking)}, or choose another mode."
        yield Problem(f"{place}.mode", f'the mode "{section.mode}" needs a {needs}.', remedy)
    if section.unanswered == "publish" and section.publisher is None and not {"unanswered", "publisher"} & bad:
        remedy = 'Set publisher, or unanswered = "missed".'
        yield Problem(f"{place}.unanswered", "publishing what nobody answered needs a publisher.", remedy)


def name_problems(section: str, tables: Mapping[str, object]) -> Iterator[Problem]:
    """Names that cannot be used, and renames that would mix up two histories."""
    renamed: dict[str, str] = {}
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            yield Problem(f"{section}.{name}", "this name cannot be used.", "Use letters, digits, - and _.")
        before = table.get("renamed_from") if isinstance(table, Mapping) else None
        if not isinstance(before, str):
            continue
        place = f"{section}.{name}.renamed_from"
        if before == name:
            yield Problem(place, "this is its own name.", "Remove the line.")
        elif before in tables:
            yield Problem(place, f"{before!r} is still configured.", f"Remove [{section}.{before}], or this line.")
        elif before in renamed:
            yield Problem(place, f"{renamed[before]!r} was renamed from {before!r} as well.", "Keep one of the two.")
        renamed.setdefault(before, name)


def resolved_url(url: str, around: Surroundings) -> str:
    """A database's address with a relative SQLite file resolved. Raises `Wrong`, which quotes nothing of it."""
    scheme = url.partition("://")[0]
    if scheme in _DRIVERS:
        return _checked_postgres(url, scheme)
    if scheme != "sqlite":
        remedy = "Write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
        raise Wrong("this is not the address of a database that Storyline can use.", remedy)
    file, question, options = url.removeprefix(_SQLITE).partition("?")
    if not url.startswith(_SQLITE) or file in {"", ":memory:"}:
        raise Wrong("this names no file.", "Write sqlite:///storyline.db, or sqlite:////absolute/path/storyline.db.")
    return f"{_SQLITE}{around.path(file)}{question}{options}"


def _checked_postgres(url: str, scheme: str) -> str:
    try:
        parts = urlsplit(url)
        named = bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        raise Wrong("this address cannot be read.", "Special characters in the password are written as %XX.") from None
    if not named:
        raise Wrong("this address names no database.", "End it with /NAME.")
    return url if scheme in _POSTGRES else f"postgresql{url.removeprefix(scheme)}"
