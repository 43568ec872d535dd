"""The server's HTTP side: every request is an operation of one of its hosts, with the faults on the way."""

from __future__ import annotations

import json
from collections.abc import Callable

import attrs

from tests.instagram.graph_api import cdn, graph, rupload, tokens
from tests.instagram.graph_api.asking import Answered, Request, Target
from tests.instagram.graph_api.cloudinary_api import Cloudinary
from tests.instagram.graph_api.fetching import AGENT
from tests.instagram.graph_api.limits import FETCHED, Fault
from tests.instagram.graph_api.state import State, Token
from tests.instagram.graph_api.told import Call
from tests.loopback import wire
from tests.loopback.faults import Way

GRAPH_HOSTS = {"facebook", "instagram"}
SECRETS = {
    "access_token", "input_token", "client_secret", "appsecret_proof", "fb_exchange_token", "code", "signature",
    "api_key",
}  # fmt: skip
LATE = {Way.SILENT, Way.CUT_AFTER, Way.REFUSED_AFTER}
Control = Callable[[str, dict[str, object]], object]


@attrs.define(eq=False)
class Site:
    """What one server answers with."""

    state: State
    cloudinary: Cloudinary
    control: Control

    def place(self, target: Target, headers: dict[str, str]) -> graph.Place:
        """Which operation a request is."""
        if target.host in GRAPH_HOSTS:
            return graph.place_of(self.state, target)
        if target.host == "rupload" and target.method == "POST" and target.parts[:1] == ("ig-api-upload",):
            return graph.Place(target.parts[1] if len(target.parts) > 1 else None, target.parts, "rupload.send")
        if target.host == "cdn":
            return graph.Place(None, target.parts, "cdn.get")
        if target.host == "res":
            own = headers.get("user-agent") == AGENT
            return graph.Place(None, target.parts, FETCHED if own else "hosted.get")
        if target.host == "cloudinary":
            return graph.Place(None, target.parts, self.cloudinary.operation(target))
        return graph.Place(None, target.parts, "unknown")

    def answer(self, request: Request, place: graph.Place) -> Answered:
        """What a request gets."""
        host = request.target.host
        if host in GRAPH_HOSTS:
            return graph.answer(self.state, request, place)
        if place.operation == "rupload.send":
            return rupload.send(self.state, request)
        with self.state.lock:
            if host == "cdn":
                return cdn.get(self.state, request)
            if host == "res":
                return self.cloudinary.hosted(request)
            if host == "cloudinary":
                return self.cloudinary.answer(request, place.operation)
        return Answered.json({"error": "Nothing is here."}, 404)


class Connection(wire.Connection):
    """One client's connection, for as long as it stays."""

    server: Listener

    def answer_one(self) -> None:
        """One request and what it gets."""
        site, target = self.server.site, Target.of(self.command, self.path)
        if target.host == "_control":
            self._control(site)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        with site.state.lock:
            place = site.place(target, headers)
            fault = site.state.faults.take(place.operation)
        way = None if fault is None else fault.way
        body, whole = self.body(fault.after_bytes if fault is not None and way is Way.CUT_UPLOAD else None)
        request = Request.of(target, headers, body, whole)
        if not whole:
            if place.operation == "rupload.send":
                site.answer(request, place)
            self._log(request, place, 0, 0)
            self._reach(fault)
            self.reset()
        if way in {Way.CUT_BEFORE, Way.SILENT_BEFORE}:
            self._log(request, place, 0, 0)
        if way not in LATE:
            self._reach(fault)
        self.before(fault)
        answered = self._answered(site, request, place, fault)
        sent = len(answered.body)
        if fault is not None and way is Way.CUT_BODY:
            sent = min(sent, fault.after_bytes)
        self._log(request, place, answered.code, sent)
        if way in LATE:
            self._reach(fault)
        self.after(fault)
        self.give(answered.code, {"Content-Type": answered.kind, **answered.headers}, answered.body, fault)

    def _answered(self, site: Site, request: Request, place: graph.Place, fault: Fault | None) -> Answered:
        if fault is None or fault.way not in {Way.REFUSED, Way.REFUSED_AFTER}:
            return site.answer(request, place)
        if fault.way is Way.REFUSED_AFTER:
            site.answer(request, place)
        if fault.raw is not None:
            return Answered(fault.raw.http, fault.raw.body.encode(), fault.raw.kind, fault.raw.headers)
        assert fault.refusal is not None
        token = _token_of(site.state, request)
        return graph.refusal(site.state, fault.refusal, None if token is None else token.owner.id)

    def _reach(self, fault: Fault | None) -> None:
        if fault is not None:
            with self.server.site.state.lock:
                fault.reached += 1

    def _log(self, request: Request, place: graph.Place, code: int, sent: int) -> None:
        state, target = self.server.site.state, request.target
        given = tokens.given_token(request.headers, request.params, target.query)
        token = _token_of(state, request)
        with state.lock:
            state.used_calls += 1
            call = Call(
                number=state.used_calls,
                operation=place.operation,
                method=target.method,
                path=target.path,
                query={name: value for name, value in request.params.items() if name not in SECRETS},
                code=code,
                at=state.clock.now(),
                login=target.host if target.host in GRAPH_HOSTS else None,
                version=place.version,
                token_in=given.place,
                proof="appsecret_proof" in request.params,
                account=None if token is None else token.owner.id,
                bytes_sent=sent,
                bytes_taken=len(request.body),
            )
            state.calls.append(call)

    def _control(self, site: Site) -> None:
        body, _ = self.body()
        try:
            asked = json.loads(body)
            told, code = {"gave": site.control(asked["do"], asked.get("with", {}))}, 200
        except (ValueError, TypeError, KeyError) as error:
            told, code = {"wrong": f"{type(error).__name__}: {error}"}, 400
        self.give(code, {"Content-Type": "application/json"}, json.dumps(told).encode())


def _token_of(state: State, request: Request) -> Token | None:
    given = tokens.given_token(request.headers, request.params, request.target.query)
    return None if given.text is None else state.tokens.get(given.text)


class Listener(wire.Listener):
    """The listening socket of one server."""

    def __init__(self, site: Site, port: int = 0) -> None:
        self.site = site
        super().__init__(Connection, port=port)
