"""A connection to Label Studio: its address and token, its errors in one clear line each."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx

from aufruf.errors import ServerError
from aufruf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from label_studio_sdk.client import LabelStudio

    from aufruf.workspace import Workspace

URL_VARIABLE, KEY_VARIABLE = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
OLDEST = (1, 20)
"""The oldest release that is let through; 1.23.2 is what everything was tried on."""
_TIMEOUT = 600
_CONNECT_TIMEOUT = 20
_PAGE = 500
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, CONFLICT = 401, 403, 404, 409
_PARTS_OF_PERSONAL_TOKEN = 3


class Api:
    """Label Studio's API under one account. Made by `connect`; safe to use from one thread at a time."""

    def __init__(self, url: str, key: Secret, timeout: float = _TIMEOUT) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self.http = client(self.url, timeout, _Token(self.url, key))

    def get(self, path: str, **params: Any) -> Any:
        """Return what a GET answers, parsed. A broken connection is tried again: reading changes nothing."""
        return self._repeated("GET", path, params=params)

    def ask(self, path: str, content: Any) -> Any:
        """POST what may be done twice without harm, and return the answer, parsed; tried again like a GET."""
        return self._repeated("POST", path, json=content)

    def now(self) -> datetime | None:
        """Return the server's time, to the second; None if it does not tell."""
        with talking(self.url):
            told = _permitted(self.http.get("/api/version")).headers.get("Date")
        return parsedate_to_datetime(told) if told else None

    def _repeated(self, method: str, path: str, **what: Any) -> Any:
        import stamina

        lost = (httpx.ReadError, httpx.RemoteProtocolError)
        with talking(self.url):
            for attempt in stamina.retry_context(on=lost, attempts=3):
                with attempt:
                    return _parsed(self.http.request(method, path, **what))
        raise AssertionError("unreachable")

    def post(self, path: str, content: Any) -> httpx.Response:
        """Send JSON once and return the answer; only a refused token raises."""
        with talking(self.url):
            return _permitted(self.http.post(path, json=content))

    def send(self, path: str, content: Any) -> None:
        """Send JSON once; whatever is not accepted raises."""
        with talking(self.url):
            _parsed(self.http.post(path, json=content))

    def change(self, path: str, content: Any) -> None:
        """PATCH JSON."""
        with talking(self.url):
            _parsed(self.http.patch(path, json=content))

    def delete(self, path: str) -> None:
        """DELETE; what is gone already is no error."""
        with talking(self.url):
            found = _permitted(self.http.delete(path))
            if found.status_code != _NOT_FOUND:
                found.raise_for_status()

    def pages(self, path: str, key: str, **params: Any) -> Iterator[Any]:
        """Yield the items under ``key`` of all pages of a list."""
        page = 1
        while True:
            found = self.get(path, page=page, page_size=_PAGE, **params)
            items = found[key]
            yield from items
            if len(items) < _PAGE:
                return
            if found.get("total", found.get("count")) == page * _PAGE:
                return
            page += 1

    def version(self) -> str:
        """Return the server's release."""
        return str(self.get("/api/version")["release"])

    @cached_property
    def sdk(self) -> LabelStudio:
        """Label Studio's own client on the same connection; importing it takes seconds."""
        from label_studio_sdk.client import LabelStudio

        return LabelStudio(
            base_url=self.url, api_key=self._key.reveal(), httpx_client=self.http, timeout=_TIMEOUT
        )


class _Token(httpx.Auth):
    """A legacy token, or a personal one that is exchanged for an access token of five minutes."""

    requires_response_body = True

    def __init__(self, url: str, key: Secret) -> None:
        self._url = url
        self._key = key
        self._access: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        key = self._key.reveal()
        if key.count(".") + 1 != _PARTS_OF_PERSONAL_TOKEN:
            request.headers["Authorization"] = f"Token {key}"
            yield request
            return
        for refresh in (self._access is None, True):
            if refresh:
                answer = yield httpx.Request("POST", f"{self._url}/api/token/refresh", json={"refresh": key})
                self._access = answer.json().get("access") if answer.is_success else None
            request.headers["Authorization"] = f"Bearer {self._access or ''}"
            answer = yield request
            if answer.status_code != _UNAUTHORIZED:
                return


def client(url: str, timeout: float, auth: httpx.Auth | None = None) -> httpx.Client:
    """Return a client for an address; what is on this machine is never asked for through a proxy.

    Raises:
        ServerError: if it is no address.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL("")
    if address.scheme not in ("http", "https") or not address.host:
        raise ServerError(f"'{url}' is no address of a Label Studio: expected http://… or https://…")
    here = address.host in ("localhost", "127.0.0.1", "::1")
    limits = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))
    return httpx.Client(base_url=url, auth=auth, timeout=limits, trust_env=not here)


def names_team_server() -> bool:
    """Whether the environment names a server, which then wins over the workspace's own."""
    return bool(os.environ.get(URL_VARIABLE))


def knows_server(workspace: Workspace) -> bool:
    """Whether environment or secrets name a server."""
    return names_team_server() or workspace.secrets.get("label_studio_url") is not None


@contextmanager
def connect(workspace: Workspace, key: Secret | None = None) -> Generator[Api]:
    """Connect to the workspace's Label Studio and check that it answers, as ``key``'s owner if given.

    `LABEL_STUDIO_URL` and `LABEL_STUDIO_API_KEY` win over the workspace's secrets.

    Raises:
        ServerError: if none is known, it cannot be reached, it refuses the token or is too old.
    """
    url, known = _known(workspace)
    api = Api(url, key or known)
    try:
        _check(api)
        yield api
    finally:
        api.http.close()


@contextmanager
def talking(url: str) -> Generator[None]:
    """Turn what can go wrong between us and the server into a `ServerError`, without any content."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ServerError(
            f"{url}: Label Studio cannot be reached: start it with `aufruf labelstudio start`, or set "
            f"{URL_VARIABLE} to the address of your team's server"
        ) from error
    except httpx.TransportError as error:
        raise ServerError(
            f"{url}: the connection to Label Studio broke ({type(error).__name__}): run the command again, "
            "nothing is done twice"
        ) from error
    except httpx.HTTPStatusError as error:
        raise ServerError(_refused(error.response)) from None


def _known(workspace: Workspace) -> tuple[str, Secret]:
    url = os.environ.get(URL_VARIABLE)
    key = os.environ.get(KEY_VARIABLE)
    kept_url, kept_key = (workspace.secrets.get(f"label_studio_{name}") for name in ("url", "api_key"))
    if url and not key:
        raise ServerError(
            f"{URL_VARIABLE} is set and {KEY_VARIABLE} is not: set it to your access token there"
        )
    address = url or (kept_url.reveal() if kept_url else None)
    secret = Secret(key) if key else kept_key
    if address is None or secret is None:
        raise ServerError("no Label Studio is known here: start one with `aufruf labelstudio start`")
    return address, secret


def _check(api: Api) -> None:
    api.get("/api/current-user/whoami")
    release = api.version()
    numbers = re.match(r"(\d+)\.(\d+)", release)
    if numbers and tuple(map(int, numbers.groups())) < OLDEST:
        raise ServerError(
            f"{api.url}: Label Studio {release} is too old, expected "
            f"{OLDEST[0]}.{OLDEST[1]} or newer: ask its admin to update it"
        )


def _permitted(response: httpx.Response) -> httpx.Response:
    if response.status_code in (_UNAUTHORIZED, _FORBIDDEN):
        raise ServerError(_refused(response))
    return response


def _parsed(response: httpx.Response) -> Any:
    _permitted(response).raise_for_status()
    try:
        return response.json()
    except ValueError as error:
        raise ServerError(
            f"{response.url.copy_with(query=None)}: the answer is no JSON: is this Label Studio?"
        ) from error


def _refused(response: httpx.Response) -> str:
    url = response.url.copy_with(query=None)
    if response.status_code == _UNAUTHORIZED and "disabled" in response.text:
        return (
            f"{url}: legacy tokens are disabled there: make a personal access token in your account "
            f"settings and set {KEY_VARIABLE} to it"
        )
    if response.status_code == _UNAUTHORIZED:
        return (
            f"{url}: Label Studio does not know the token: set {KEY_VARIABLE} to one from your account "
            "settings there"
        )
    if response.status_code == _FORBIDDEN:
        return f"{url}: Label Studio refuses this to the token's owner: ask its admin for the right"
    return f"{url}: Label Studio answered {response.status_code}: its log says why"
