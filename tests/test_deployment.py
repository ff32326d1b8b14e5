"""The team's server in deploy/: what stands in it, since it cannot be run here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aufruf.labelstudio.environment import ensure_environment, locked_version
from aufruf.labelstudio.notes import silent

DEPLOY = Path(__file__).parent.parent / "deploy"
pytestmark = pytest.mark.skipif(
    not DEPLOY.is_dir(), reason="runs from a checkout only: deploy/ is no package"
)
OF_IMAGES = {
    "proxy": {"DOMAIN", "CONTACT"},
    "nginx": {"APP_HOST", "LABEL_STUDIO_HOST"},
    "db": {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"},
    "backup": {"PGHOST", "PGUSER", "PGDATABASE", "PGPASSWORD", "KEEP_DAYS"},
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    return Path(
        shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns(".env", "backups"))
    )


def environments(compose: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {name: service.get("environment", {}) for name, service in compose["services"].items()}


def test_every_image_is_pinned_and_label_studio_to_the_release_that_is_tested(compose: dict[str, Any]):
    images = {name: service["image"] for name, service in compose["services"].items()}
    assert all(re.search(r":\d+\.\d+(\.\d+)?(-alpine)?$", image) for image in images.values())
    assert images["app"] == images["nginx"] == f"heartexlabs/label-studio:{locked_version()}"
    assert images["db"] == images["backup"]


def test_no_secret_has_a_value_or_a_default(compose: dict[str, Any]):
    for variables in environments(compose).values():
        for name, value in variables.items():
            if re.search(r"PASSWORD|SECRET|TOKEN_KEY|USERNAME", name):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?run \./new-env\.sh first\}", value), name


def test_only_the_proxy_can_be_reached_and_the_inside_reaches_nothing(compose: dict[str, Any]):
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert [name for name, service in services.items() if "front" in service["networks"]] == [
        "proxy",
        "nginx",
    ]
    assert compose["networks"]["inside"]["internal"] is True
    assert not any(service.get("privileged") or service.get("network_mode") for service in services.values())


def test_every_service_is_watched_bounded_and_started_in_order(compose: dict[str, Any]):
    services = compose["services"]
    for name, service in services.items():
        assert {"healthcheck", "mem_limit", "restart"} <= service.keys(), name
        for other, condition in service.get("depends_on", {}).items():
            assert other in services
            assert condition == {"condition": "service_healthy"}


def test_every_volume_and_file_that_is_mounted_is_there(compose: dict[str, Any]):
    mounts = [
        mount.split(":") for service in compose["services"].values() for mount in service.get("volumes", ())
    ]
    named = {source for source, *_ in mounts if not source.startswith(".")}
    assert named == set(compose["volumes"])
    files = {source for source, *_ in mounts if source.startswith("./")} - {"./backups"}
    assert all((DEPLOY / file).is_file() for file in files)


def test_the_proxy_talks_to_a_service_that_is_there(compose: dict[str, Any]):
    target = re.search(r"reverse_proxy (\w+):(\d+)", (DEPLOY / "Caddyfile").read_text("utf-8"))
    assert target
    assert target.group(1) in compose["services"]
    assert f":{target.group(2)}/" in " ".join(compose["services"]["nginx"]["healthcheck"]["test"])


def test_what_must_be_off_is_off(compose: dict[str, Any]):
    settings = environments(compose)["app"]
    off = (
        "COLLECT_ANALYTICS",
        "LATEST_VERSION_CHECK",
        "CORS_ALLOW_ALL_ORIGINS",
        "LOCAL_FILES_SERVING_ENABLED",
    )
    assert {settings[name] for name in off} == {"false"}
    assert settings["SENTRY_DSN"] == settings["FRONTEND_SENTRY_DSN"] == ""
    on = ("SSRF_PROTECTION_ENABLED", "ML_BLOCK_LOCAL_IP", "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK")
    assert {settings[name] for name in on} == {"true"}


@pytest.mark.labelstudio
def test_label_studio_knows_every_setting(compose: dict[str, Any]):
    made = ensure_environment(silent)
    (package,) = made.folder.glob("lib/python3*/site-packages/label_studio")
    code = "\n".join(path.read_text("utf-8") for path in (package / "core").rglob("*.py"))
    code += (package / "server.py").read_text("utf-8")
    for name in environments(compose)["app"]:
        known = {f"'{name}'", f"'{name.removeprefix('LABEL_STUDIO_')}'"}
        assert any(word in code for word in known), name
    for name, expected in OF_IMAGES.items():
        assert set(environments(compose)[name]) == expected


def test_every_variable_that_compose_asks_for_is_written_by_the_script(deployed: Path):
    asked = set(re.findall(r"\$\{([A-Z_]+)", (deployed / "compose.yaml").read_text("utf-8")))
    subprocess.run([deployed / "new-env.sh", "labels.example", "lead@labels.example"], check=True, cwd="/")
    path = deployed / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    written = dict(line.split("=", 1) for line in path.read_text().splitlines())
    assert set(written) == asked
    secrets = [written[name] for name in ("ADMIN_PASSWORD", "POSTGRES_PASSWORD", "SECRET_KEY")]
    assert len(set(secrets)) == 3
    assert min(map(len, secrets)) >= 48


def test_the_script_never_replaces_secrets(deployed: Path):
    command = [deployed / "new-env.sh", "labels.example", "lead@labels.example"]
    subprocess.run(command, check=True, capture_output=True)
    before = (deployed / ".env").read_bytes()
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (again.returncode, "keep it" in again.stderr) == (1, True)
    assert (deployed / ".env").read_bytes() == before
    assert subprocess.run([deployed / "new-env.sh"], check=False, capture_output=True).returncode == 2


@pytest.mark.parametrize("script", ["new-env.sh", "backup.sh"])
def test_the_scripts_are_valid_and_may_be_run(script: str):
    path = DEPLOY / script
    assert os.access(path, os.X_OK)
    subprocess.run(["/bin/sh", "-n", path], check=True)


def test_the_guide_and_the_server_are_named_where_leads_look():
    assert "docs/deployment.md" in (DEPLOY / "compose.yaml").read_text("utf-8")
    assert "deployment.md" in (DEPLOY.parent / "docs" / "guide.md").read_text("utf-8")
