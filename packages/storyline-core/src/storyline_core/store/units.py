"""A unit: one transaction, with everything that can be read and written in it."""

from __future__ import annotations

from sqlalchemy import Connection

from storyline_core.store.accounts import Accounts
from storyline_core.store.alerts import Alerts
from storyline_core.store.chores import Chores
from storyline_core.store.holds import Holds
from storyline_core.store.leases import Leases
from storyline_core.store.library import Library
from storyline_core.store.likenesses import Likenesses
from storyline_core.store.numbers import Numbers
from storyline_core.store.outcomes import Outcomes
from storyline_core.store.past import Past
from storyline_core.store.people import People
from storyline_core.store.queue import Queue
from storyline_core.store.runs import Runs
from storyline_core.store.secrets import Secrets
from storyline_core.store.sources import Sources
from storyline_core.store.tellings import Tellings
from storyline_core.store.views import Views
from storyline_core.store.workers import Workers


class Unit:
    """One decision's transaction. It is committed when its block ends well, and rolled back when it does not."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.library = Library(connection)
        self.likenesses = Likenesses(connection)
        self.queue = Queue(connection)
        self.holds = Holds(connection)
        self.sources = Sources(connection)
        self.accounts = Accounts(connection)
        self.outcomes = Outcomes(connection)
        self.past = Past(connection)
        self.people = People(connection)
        self.runs = Runs(connection)
        self.leases = Leases(connection)
        self.alerts = Alerts(connection)
        self.secrets = Secrets(connection)
        self.chores = Chores(connection)
        self.views = Views(connection)
        self.numbers = Numbers(connection)
        self.tellings = Tellings(connection)
        self.workers = Workers(connection)
