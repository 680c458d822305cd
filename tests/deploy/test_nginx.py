"""deploy/nginx: what it lets through is what the endpoint has for the outside, and nothing else."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dispatcher.web.app import LIMITS
from tests.deploy.env_files import DEPLOY, ROOT
from tests.ledger.servers import unavailable

CONF = DEPLOY / "nginx" / "dispatcher.conf"
WEB = DEPLOY / "nginx" / "dispatcher-web.conf"
BOTH = pytest.mark.parametrize("conf", [CONF, WEB], ids=["receipts", "pages"])
# For the machines within.
INSIDE = {"health", "ready"}


def test_the_public_addresses_of_the_endpoint_are_let_through_and_no_others() -> None:
    source = "".join(
        (ROOT / "dispatcher" / name).read_text("utf-8")
        for name in ("endpoint.py", "inbound_routes.py", "form/routes.py")
    )
    served = {found.partition("/")[0] for found in re.findall(r'Route\(\s*f?"/([\w/{}.]+)', source)}
    served |= {found.partition("/")[0] for found in re.findall(r'_PATH\w* = "/([\w/]+)', source)}
    text = CONF.read_text("utf-8")
    prefixes = re.findall(r"location ~ \^/\(([a-z|]+)\)/", text)
    let_through = {name for one in prefixes for name in one.split("|")}
    let_through |= set(re.findall(r"location = /(\w+)", text))
    assert let_through == served - INSIDE
    assert "return 404" in text


@BOTH
def test_no_log_holds_an_address_that_holds_a_token(conf: Path) -> None:
    text = conf.read_text("utf-8")
    logged = re.search(r"log_format (\w+) '([^']*)'", text)
    assert logged is not None
    assert not {"$request", "$request_uri", "$uri", "$args", "$http_referer", "$remote_addr"} & {
        *logged[2].split()
    }
    for line in re.findall(r"^\s*access_log .*;", text, re.MULTILINE):
        assert line.rstrip(";").endswith(f" {logged[1]}")
    assert re.findall(r"^\s*error_log .* (\w+);", text, re.MULTILINE) == ["crit"]


def test_a_form_is_not_handed_over_twice_and_a_visitor_cannot_name_an_address() -> None:
    text = CONF.read_text("utf-8")
    form = text.partition("location = /form")[2].partition("}")[0]
    assert "proxy_next_upstream error;" in form
    assert "X-Forwarded-For $remote_addr" in text
    assert "proxy_add_x_forwarded_for" not in text


def test_the_pages_are_open_to_the_own_networks_and_bear_the_longest_list() -> None:
    text = WEB.read_text("utf-8")
    assert re.findall(r"^\s*(allow|deny) (\S+);", text, re.MULTILINE)[-1] == ("deny", "all")
    assert "0.0.0.0/0" not in text
    most = int(re.search(r"client_max_body_size (\d+)m;", text)[1])  # type: ignore[index]
    assert most * 1024 * 1024 > max(LIMITS.values())
    assert "X-Forwarded-For $remote_addr" in text
    assert "X-Forwarded-Proto $scheme" in text
    assert "non_idempotent" not in text
    assert "https://$host" not in text


def visitor(trusted: str, came_from: str, told: str) -> str:
    """Whom the endpoint takes a visitor for, by uvicorn's own reckoning."""
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", told.encode())]
    scope: Any = {"type": "http", "client": (came_from, 50_000), "headers": headers}
    asyncio.run(ProxyHeadersMiddleware(app, trusted)(scope, None, None))  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize("bridge", ["172.18.0.1", "192.168.32.1", "10.89.0.1"])
def test_a_visitor_behind_a_proxy_in_front_of_containers_cannot_be_somebody_else_each_time(
    bridge: str,
) -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    trusted = compose["services"]["receipts"]["environment"]["FORWARDED_ALLOW_IPS"]
    assert visitor(trusted, bridge, "203.0.113.9") == "203.0.113.9"
    # A proxy that appends: what stands before it is the visitor's own claim.
    assert visitor(trusted, bridge, "198.51.100.1, 203.0.113.9") == "203.0.113.9"
    assert visitor(trusted, "203.0.113.9", "198.51.100.1") == "203.0.113.9"


def test_no_example_of_a_proxy_passes_on_what_a_visitor_claims() -> None:
    for path in (ROOT / "docs").rglob("*.md"):
        assert "proxy_add_x_forwarded_for" not in path.read_text("utf-8"), path.name


@BOTH
def test_nginx_reads_it(tmp_path: Path, conf: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    openssl = shutil.which("openssl")
    if nginx is None or openssl is None:
        unavailable("nginx or openssl is not installed")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    made += ["-subj", "/CN=notify.example.com", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    text = conf.read_text("utf-8")
    text = text.replace("/etc/ssl/dispatcher", str(tmp_path)).replace(
        "/var/log/nginx", str(tmp_path)
    )
    (tmp_path / "dispatcher.conf").write_text(text)
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;\n"
        f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u;\n"
        f"scgi_temp_path {tmp_path}/s;\n"
        f"access_log off; include {tmp_path}/dispatcher.conf; }}\n"
    )
    done = subprocess.run(
        [nginx, "-t", "-q", "-p", str(tmp_path), "-c", str(main)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
