"""Back up the embedded server exactly, and put it back: its database and its files, without any login."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from aufruf.errors import InputError, ServerError
from aufruf.labelstudio import database
from aufruf.labelstudio.accounts import logins_again, pseudonym_of
from aufruf.labelstudio.backup_file import writing
from aufruf.labelstudio.environment import clean_environment, ensure_environment, locked_version
from aufruf.labelstudio.server import ADMIN, admin_login, halted, server_folder
from aufruf.labelstudio.watermarks import forget_read

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.labelstudio.backup_file import Backup, Counts, Manifest
    from aufruf.labelstudio.environment import Environment
    from aufruf.labelstudio.notes import Note
    from aufruf.workspace import Workspace

_MEDIA = "media"
_SET_LOGINS = """
import json, os, sys, label_studio
sys.path.insert(0, os.path.dirname(label_studio.__file__))
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.label_studio"
import django
django.setup()
from django.core.management import call_command
call_command("migrate", "--no-color", verbosity=0)
from organizations.models import Organization
from rest_framework.authtoken.models import Token
from users.models import User
given = {login["pseudonym"]: login for login in json.load(sys.stdin)}
for user in User.objects.all():
    login = given.get(user.email, {})
    user.email = user.username = login.get("email") or user.email
    user.set_password(login.get("password"))
    user.save()
    Token.objects.filter(user=user).delete()
    if login.get("token"):
        Token.objects.create(user=user, key=login["token"])
for organization in Organization.objects.all():
    organization.reset_token()
"""
"""Gives accounts their logins back, with Label Studio's own code: no password means that none fits."""


def has_data(workspace: Workspace) -> bool:
    """Whether there is an embedded server's database, running or not."""
    return _database(workspace).exists()


def held(workspace: Workspace) -> Counts:
    """Count what the embedded server holds."""
    return database.count(_database(workspace))


def back_up(workspace: Workspace, path: Path, made_at: str, note: Note) -> Manifest:
    """Write a backup of the embedded server, as of one moment; it may be in use meanwhile."""
    folder = server_folder(workspace) / "backing-up"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        copied = folder / database.NAME
        source = _database(workspace)
        pseudonyms = pseudonym_of(workspace.secrets, database.emails(source)) | {ADMIN: ADMIN}
        note("copying Label Studio's database")
        database.copy(source, copied, pseudonyms)
        with writing(path) as archive:
            archive.copy(copied, database.NAME)
            for file in sorted((source.parent / _MEDIA).rglob("*")):
                if file.is_file() and not file.is_symlink():
                    archive.copy(file, file.relative_to(source.parent).as_posix())
            return archive.finish("database", locked_version(), made_at, database.count(copied))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_unless_empty(workspace: Workspace) -> None:
    """Refuse to put a backup over data.

    Raises:
        InputError: if the embedded server holds a project.
    """
    if has_data(workspace) and held(workspace).projects:
        folder = _database(workspace).parent
        raise InputError(
            f"{folder}: Label Studio holds {held(workspace).projects} projects already, a backup is put into "
            "an empty one only: make a backup of it, then move that folder away"
        )


def put_back(workspace: Workspace, backup: Backup, note: Note) -> set[str]:
    """Make a backup the embedded server's data; return the UUIDs of all annotations in it.

    The data appear whole or not at all. Accounts get the passwords and tokens that the workspace's secrets
    hold for them; what is missing there is made anew.

    Raises:
        InputError: if the server holds projects.
        ServerError: if it runs, or Label Studio cannot take the database.
    """
    made = ensure_environment(note)
    with halted(workspace):
        refuse_unless_empty(workspace)
        folder = server_folder(workspace)
        new, data, old = folder / "restoring", folder / "data", folder / "replaced"
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        new.mkdir(mode=0o700)
        try:
            backup.extract(new)
            uuids = database.annotation_uuids(new / database.NAME)
            note("giving the accounts their logins back")
            _set_logins(workspace, made, new)
            database.write_ahead(new / database.NAME)
            forget_read(workspace)
            if data.exists():
                data.replace(old)
            new.replace(data)
        finally:
            for leftover in (new, old):
                shutil.rmtree(leftover, ignore_errors=True)
    return uuids


def _set_logins(workspace: Workspace, made: Environment, data: Path) -> None:
    annotators = logins_again(workspace.secrets, database.emails(data / database.NAME))
    logins = [*annotators, {"pseudonym": ADMIN, "email": ADMIN, **admin_login(workspace)}]
    home = server_folder(workspace) / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    done = subprocess.run(  # noqa: S603 -- the command is a list of our own making
        [str(made.python), "-c", _SET_LOGINS],
        input=json.dumps(logins),
        env=clean_environment(home, data),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1].partition(":")[0]
        raise ServerError(
            f"Label Studio cannot take the backup's database ({last}): it was made by another version, or it "
            "is damaged; nothing was replaced"
        )


def _database(workspace: Workspace) -> Path:
    return server_folder(workspace) / "data" / database.NAME
