"""Accounts on the server: one for each annotator, under a pseudonym."""

from __future__ import annotations

import re
import secrets as random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aufruf.errors import ServerError
from aufruf.labelstudio.api import client, talking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aufruf.labelstudio.annotators import Annotator
    from aufruf.labelstudio.api import Api
    from aufruf.secrets import Secret, Secrets
    from aufruf.workspace import Workspace

_DOMAIN = "annotators.invalid"
_FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"')


@dataclass(frozen=True)
class Login:
    """How an annotator gets in. ``password`` is None if the person has an account of their own."""

    annotator: str
    email: str
    password: Secret | None


def logins(workspace: Workspace, annotators: Iterable[Annotator]) -> list[Login]:
    """Return the annotators' logins, for the lead to hand out; accounts may not be made yet."""
    secrets = workspace.secrets
    return [Login(a.id, _email(secrets, a.id), secrets.get(_name(a.id, "password"))) for a in annotators]


def annotator_token(workspace: Workspace, annotator: str) -> Secret:
    """Return the token of an annotator's account.

    Raises:
        ServerError: if there is none: the person has an own account, or none was made yet.
    """
    token = workspace.secrets.get(_name(annotator, "token"))
    if token is None:
        raise ServerError(
            f"there is no token for '{annotator}': run `aufruf annotate apply`, or put the person's own "
            f'token into secrets.toml as "{_name(annotator, "token")}"'
        )
    return token


def user_ids(workspace: Workspace, api: Api, annotators: Iterable[str]) -> dict[str, int]:
    """Return the server's user ids of those annotators that have an account there."""
    users = _users(api)
    secrets = workspace.secrets
    found = {name: users.get(_email(secrets, name).lower()) for name in annotators}
    return {name: number for name, number in found.items() if number is not None}


def ensure_accounts(workspace: Workspace, api: Api, annotators: Iterable[Annotator]) -> dict[str, int]:
    """Make the accounts that are missing, through the organisation's invitation; return user ids.

    E-mail address, password and token are kept as secrets `annotator:<id>:email`, `…:password` and
    `…:token`. An address that was put there by hand is somebody's own account and never made here.

    Raises:
        ServerError: if the server refuses; says what its admin must do.
    """
    return ensure_named(workspace, api, [annotator.id for annotator in annotators])


def ensure_named(workspace: Workspace, api: Api, ids: list[str]) -> dict[str, int]:
    """Make the accounts of these pseudonyms, as `ensure_accounts` does."""
    secrets = workspace.secrets
    users = _users(api)
    for name in ids:
        email = _email(secrets, name)
        has_token = secrets.get(_name(name, "token")) is not None
        made_here = email == _default_email(name)
        if email.lower() not in users:
            if not made_here:
                raise ServerError(f"{api.url}: '{name}' is not a member there yet: invite that person")
            _sign_up(api, secrets, name)
        elif not has_token and made_here:
            _log_in(api, secrets, name)
    return user_ids(workspace, api, ids)


def _sign_up(api: Api, secrets: Secrets, name: str) -> None:
    password = random.token_urlsafe(12)
    changes = {_name(name, "email"): _default_email(name), _name(name, "password"): password}
    secrets.update({**changes, _name(name, "token"): None})
    try:
        invitation = str(api.get("/api/invite")["invite_url"])
    except ServerError as error:
        raise ServerError(_help(api.url, name)) from error
    invitation = invitation.removeprefix(api.url)
    extra = {"allow_newsletters": "false", "how_find_us": "", "elaborate": ""}
    _submit(api, secrets, name, invitation, extra)


def _log_in(api: Api, secrets: Secrets, name: str) -> None:
    if secrets.get(_name(name, "password")) is None:
        raise ServerError(_help(api.url, name))
    _submit(api, secrets, name, "/user/login/", {})


def _submit(api: Api, secrets: Secrets, name: str, path: str, extra: dict[str, str]) -> None:
    """Send a sign-up or login form as the page would, and keep the account's token."""
    password = secrets.get(_name(name, "password"))
    login = {"email": _email(secrets, name), "password": password.reveal() if password else ""}
    with talking(api.url), client(api.url, 60) as browser:
        form = _FORM_TOKEN.search(browser.get(path).text)
        content = {**extra, **login, "csrfmiddlewaretoken": form.group(1) if form else ""}
        entered = browser.post(path, data=content, headers={"Referer": api.url + "/"})
        if not entered.is_redirect:
            raise ServerError(_help(api.url, name))
        answer = browser.get("/api/current-user/token")
    if answer.is_success:
        secrets.update({_name(name, "token"): str(answer.json()["token"])})


def _users(api: Api) -> dict[str, int]:
    users: list[dict[str, Any]] = api.get("/api/users/")
    return {str(user["email"]).lower(): int(user["id"]) for user in users}


def pseudonym_of(secrets: Secrets, emails: Iterable[str]) -> dict[str, str]:
    """Return for each address one that says nothing of the person.

    An annotator's is `<pseudonym>@annotators.invalid`, whoever's address stands in the secrets; anyone else's
    is numbered, in the order given.
    """
    named = (name for name in secrets.names() if name.startswith("annotator:") and name.endswith(":email"))
    own = {_email(secrets, name.split(":")[1]).lower(): name.split(":")[1] for name in named}
    found: dict[str, str] = {}
    for number, email in enumerate(emails, start=1):
        local, _, domain = email.rpartition("@")
        name = own.get(email.lower()) or (local if domain == _DOMAIN else None)
        known = name is not None and _email(secrets, name).lower() == email.lower()
        found[email] = _default_email(name or "") if known else f"account-{number}@accounts.invalid"
    return found


def named_in(pseudonyms: Iterable[str]) -> list[str]:
    """Return the annotators among the addresses that `pseudonym_of` gave."""
    parts = (pseudonym.rpartition("@") for pseudonym in pseudonyms)
    return [name for name, _, domain in parts if domain == _DOMAIN]


def known_token(workspace: Workspace, annotator: str) -> Secret | None:
    """Return the token of an annotator's account, or None."""
    return workspace.secrets.get(_name(annotator, "token"))


def logins_again(secrets: Secrets, pseudonyms: Iterable[str]) -> list[dict[str, str | None]]:
    """Return address, password and token that accounts of a backup get back, by their pseudonym.

    They come from the secrets; what is missing there is made anew and kept there, but for a person's own
    account: its password is the person's to set again.
    """
    given: list[dict[str, str | None]] = []
    for name in named_in(pseudonyms):
        made_here = _email(secrets, name) == _default_email(name)
        fresh = {"password": random.token_urlsafe(12) if made_here else None, "token": random.token_hex(20)}
        kept = {what: secrets.get(_name(name, what)) for what in fresh}
        login = {what: secret.reveal() if secret else fresh[what] for what, secret in kept.items()}
        email = _email(secrets, name)
        secrets.update({_name(name, what): value for what, value in {**login, "email": email}.items()})
        given.append({"pseudonym": _default_email(name), "email": email, **login})
    return given


def _name(annotator: str, what: str) -> str:
    return f"annotator:{annotator}:{what}"


def _default_email(annotator: str) -> str:
    return f"{annotator}@{_DOMAIN}"


def _email(secrets: Secrets, annotator: str) -> str:
    kept = secrets.get(_name(annotator, "email"))
    return kept.reveal() if kept else _default_email(annotator)


def _help(url: str, name: str) -> str:
    return (
        f"{url}: an account for '{name}' cannot be made there with this token: its admin invites the person, "
        f'then put their address into secrets.toml as "{_name(name, "email")}"'
    )
