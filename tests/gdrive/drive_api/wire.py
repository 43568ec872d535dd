"""The server's HTTP side: every request is an operation, with the faults that happen on the way."""

from __future__ import annotations

from tests.gdrive.drive_api import uploads
from tests.gdrive.drive_api.asking import Answered
from tests.gdrive.drive_api.limits import Fault, Way
from tests.gdrive.drive_api.refusals import Refused, TokenRefused
from tests.gdrive.drive_api.routes import Exchange, Target, refusal
from tests.gdrive.drive_api.state import Call
from tests.loopback import wire

SECRETS = {"access_token", "token", "upload_id", "code", "client_secret", "state", "code_challenge"}


class Connection(wire.Connection):
    """One client's connection, for as long as it stays."""

    server: Listener

    def answer_one(self) -> None:
        """One request and what it gets."""
        exchange = self.server.exchange
        state = exchange.state
        try:
            target = Target.of(self.command, self.path)
            if len(self.path) > state.knobs.longest_target:
                raise Refused(414, "uriTooLong", html=True)
        except Refused as refused:
            self.body()
            self._give(refusal(refused), None)
            return
        with state.record.lock:
            fault = state.faults.take(target.operation, target.method, target.path)
        body, whole = self.body(fault.after_bytes if fault is not None and fault.way is Way.CUT_UPLOAD else None)
        if not whole:
            self._broken(target, body)
        if fault is not None and fault.way is Way.CUT_BEFORE:
            self._log(target, 0, None, 0)
        self.before(fault)
        answered, email = self._answer(target, fault, body)
        cut = fault is not None and fault.way is Way.CUT_BODY
        sent = min(len(answered.body), fault.after_bytes) if cut and fault is not None else len(answered.body)
        self._log(target, answered.code, email, sent)
        self.after(fault)
        self._give(answered, fault)

    def _answer(self, target: Target, fault: Fault | None, body: bytes) -> tuple[Answered, str | None]:
        exchange, headers = self.server.exchange, {name.lower(): value for name, value in self.headers.items()}
        try:
            if fault is not None and fault.refusal is not None:
                raise fault.refusal
            with exchange.state.record.lock:
                return exchange.answer(target, headers, body)
        except (Refused, TokenRefused) as refused:
            return refusal(refused), None

    def _log(self, target: Target, code: int, email: str | None, sent: int) -> None:
        state = self.server.exchange.state
        query = {name: value for name, value in target.query.items() if name not in SECRETS}
        call = Call(target.operation, target.method, target.path, query, state.clock.now(), code, email, sent)
        state.calls.append(call)

    def _broken(self, target: Target, body: bytes) -> None:
        """The body did not come whole: an upload keeps what there is, anything else has no effect."""
        exchange = self.server.exchange
        with exchange.state.record.lock:
            if target.operation == "upload.send":
                try:
                    uploads.broken(exchange.session(target), self.headers.get("Content-Range"), body)
                except Refused:
                    pass
        self._log(target, 0, None, 0)
        self.reset()

    def _give(self, answered: Answered, fault: Fault | None) -> None:
        headers = dict(answered.headers)
        if answered.body and answered.code != 204:
            headers["Content-Type"] = answered.kind
        self.give(answered.code, headers, answered.body, fault, "Resume Incomplete" if answered.code == 308 else None)


class Listener(wire.Listener):
    """The listening socket of one Drive."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        super().__init__(Connection)
