"""Cloudinary: uploads, the list of what is there, and its deletion; and the copies themselves to be fetched."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

import attrs

from tests.instagram.graph_api import admin, contents
from tests.instagram.graph_api.asking import Answered, Request, Target
from tests.instagram.graph_api.clock import wall_seconds
from tests.instagram.graph_api.copies import CloudRefused, Environment, Stored
from tests.instagram.graph_api.signing import is_signed, text_to_sign
from tests.instagram.graph_api.state import State
from tests.instagram.graph_api.told import Cloud, Copy

VERSION = "v1_1"
STALE = 3600


@attrs.define(eq=False)
class Cloudinary:
    """Every product environment, and the calls to them. Hold the state's lock."""

    state: State
    environments: dict[str, Environment] = attrs.field(factory=dict)
    made: int = 0

    def open(self, name: str) -> Cloud:
        """A product environment with keys of its own."""
        number = len(self.environments) + 1
        cloud = Cloud(name, f"{number:015d}", f"cloud-secret-{number:02d}-" + "c1" * 8)
        self.environments[name] = Environment(cloud)
        return cloud

    def copies(self, cloud: str | None) -> list[Copy]:
        """What lies there now, oldest first."""
        return [
            Copy(
                one.cloud, one.public_id, one.resource_type, list(one.tags), len(one.content), one.digest,
                self.address_of(one), one.made_at,
            )
            for environment in self.environments.values()
            for one in environment.stored.values()
            if cloud is None or one.cloud == cloud
        ]  # fmt: skip

    def operation(self, target: Target) -> str:
        """Which operation a request is."""
        parts = target.parts[2:] if target.parts[:1] == (VERSION,) else ()
        if target.method == "POST" and len(parts) == 2 and parts[1] in {"upload", "destroy"}:
            return f"cloudinary.{parts[1]}"
        if parts in {("ping",), ("usage",)} and target.method == "GET":
            return f"cloudinary.{parts[0]}"
        if parts == ("resources", "search"):
            return "cloudinary.search"
        if parts[:1] == ("resources",):
            if target.method == "DELETE":
                return "cloudinary.delete"
            single = len(parts) >= 4 and parts[2] not in {"tags", "moderations"}
            return "cloudinary.get" if single else "cloudinary.list"
        return "unknown"

    def answer(self, request: Request, operation: str) -> Answered:
        """What a call gets."""
        try:
            parts = request.target.parts
            environment = self.environments.get(parts[1] if len(parts) > 1 else "")
            if environment is None:
                raise CloudRefused(401, f"Invalid cloud_name {parts[1] if len(parts) > 1 else ''}")
            calls: dict[str, Callable[[Environment, Request], dict[str, object]]] = {
                "cloudinary.upload": self._upload,
                "cloudinary.destroy": self._destroy,
            }
            if operation in calls:
                self._check_signature(environment, request)
                return Answered.json(calls[operation](environment, request))
            self._check_basic(environment, request)
            return admin.answer(self.state, environment, request, operation, self.resource)
        except CloudRefused as refused:
            return Answered.json({"error": {"message": refused.message}}, refused.code)

    def resource(self, one: Stored) -> dict[str, object]:
        """A copy as the API tells it."""
        told: dict[str, object] = {
            "asset_id": hashlib.md5(f"{one.cloud}{one.version}".encode()).hexdigest(),  # noqa: S324 - an id
            "public_id": one.public_id,
            "format": one.format,
            "version": one.version,
            "resource_type": one.resource_type,
            "type": one.type,
            "created_at": f"{one.made_at:%Y-%m-%dT%H:%M:%SZ}",
            "bytes": len(one.content),
            "url": self.address_of(one),
            "secure_url": self.address_of(one),
        }
        more = {"width": one.width, "height": one.height, "asset_folder": one.folder}
        return told | {name: value for name, value in more.items() if value is not None}

    def address_of(self, one: Stored) -> str:
        """Where the copy can be fetched, by plain HTTP."""
        name = f"{one.public_id}.{one.format}" if one.resource_type != "raw" else one.public_id
        return f"{self.state.address}/res/{one.cloud}/{one.resource_type}/{one.type}/v{one.version}/{name}"

    def hosted(self, request: Request) -> Answered:
        """A copy, to whoever fetches it."""
        for environment in self.environments.values():
            for one in environment.stored.values():
                if (
                    one.type == "upload"
                    and self.address_of(one).removeprefix(self.state.address) == request.target.path
                ):
                    kinds = {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4"}
                    return Answered(200, one.content, kinds.get(one.format, "application/octet-stream"))
        missing = {"X-Cld-Error": "Resource not found"}
        return Answered(404, b"", "image/gif", missing)

    def _check_signature(self, environment: Environment, request: Request) -> None:
        params, cloud = request.params, environment.cloud
        if params.get("api_key") != cloud.key:
            raise CloudRefused(401, f"Unknown API key {params.get('api_key', '')}")
        if not params.get("timestamp", "").isdigit():
            raise CloudRefused(400, "Missing required parameter - timestamp")
        if abs(wall_seconds() - int(params["timestamp"])) > STALE:
            raise CloudRefused(
                400, f"Stale request - reported time is {params['timestamp']} which is more than 1 hour ago"
            )
        if not is_signed(params, request.lists, cloud.secret):
            text = text_to_sign(params, request.lists, encoded=True)
            raise CloudRefused(401, f"Invalid Signature {params.get('signature')}. String to sign - '{text}'.")

    def _check_basic(self, environment: Environment, request: Request) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            told = base64.b64decode(given).decode()
        except (binascii.Error, UnicodeDecodeError):
            told = ""
        right = f"{environment.cloud.key}:{environment.cloud.secret}"
        if kind.lower() != "basic" or not hmac.compare_digest(told, right):
            raise CloudRefused(401, f"unknown api_key: {told.partition(':')[0]}")

    def _upload(self, environment: Environment, request: Request) -> dict[str, object]:
        params, asked = request.params, request.target.parts[2]
        content = self._file(environment, request)
        if content is None:
            return {"done": False, "bytes": 0, "kind": "upload"}
        seen = contents.look(content)
        kind = seen.resource_type if asked == "auto" else asked
        most = {"image": self.state.knobs.image_bytes_most, "video": self.state.knobs.video_bytes_most}.get(kind, 10**9)
        if len(content) > most:
            raise CloudRefused(400, f"File size too large. Got {len(content)}. Maximum is {most}.")
        if kind != "raw" and seen.resource_type != kind:
            raise CloudRefused(400, "Invalid image file" if kind == "image" else "Unsupported video format or file")
        self.made += 1
        named = params.get("public_id") or hashlib.sha256(f"copy{self.made}".encode()).hexdigest()[:20]
        public_id = f"{params['folder']}/{named}" if params.get("folder") else named
        stored = Stored(
            cloud=environment.cloud.name, public_id=public_id, resource_type=kind, type=params.get("type") or "upload",
            version=1_700_000_000 + self.made, content=content, made_at=self.state.clock.now(),
            tags=tuple(one.strip() for one in params.get("tags", "").split(",") if one.strip()),
            format=params.get("format") or seen.format, width=seen.width, height=seen.height,
            folder=params.get("asset_folder"), context=params.get("context", ""),
        )  # fmt: skip
        known = environment.stored.get(stored.key)
        if known is not None and params.get("overwrite") in {"false", "0"}:
            return self.resource(known) | {"tags": list(known.tags), "existing": True}
        environment.stored[stored.key] = stored
        etag = hashlib.md5(content).hexdigest()  # noqa: S324 - theirs
        return self.resource(stored) | {"tags": list(stored.tags), "etag": etag, "original_filename": "file"}

    def _file(self, environment: Environment, request: Request) -> bytes | None:
        """The file of an upload, when all of it is there."""
        if "file" in request.params:
            mark, _, coded = request.params["file"].partition(";base64,")
            if not mark.startswith("data:"):
                raise CloudRefused(400, "Resource not found: files by address are not fetched here")
            return base64.b64decode(coded)
        content = request.files.get("file")
        if content is None:
            raise CloudRefused(400, "Missing required parameter - file")
        number = request.headers.get("x-unique-upload-id")
        if number is None:
            return content
        place, _, size = request.headers.get("content-range", "").removeprefix("bytes ").partition("/")
        whole = environment.pieces.pop(number, b"") if not place.startswith("0-") else b""
        whole += content
        if len(whole) < int(size):
            environment.pieces[number] = whole
            return None
        return whole

    def _destroy(self, environment: Environment, request: Request) -> dict[str, object]:
        kind, params = request.target.parts[2], request.params
        if not params.get("public_id"):
            raise CloudRefused(400, "Missing required parameter - public_id")
        key = (kind, params.get("type") or "upload", params["public_id"])
        return {"result": "ok" if environment.stored.pop(key, None) is not None else "not found"}
