"""Proves deploy/nginx.conf with a real nginx on loopback in front of a real installation:  .venv/bin/python -m tools.prove_nginx

Only addresses, ports and folders of the file are changed. Somebody enrols and signs in over TLS; each thing that is looked at is a line.
The tests do without, since not every machine that runs them has nginx.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from demo.installation import Installation, free_port
from ersr.client.totp import Authenticator

ROOT = Path(__file__).resolve().parent.parent
HOST, PASSWORD = "srw.example", "correct horse battery 42"


def say(what: str, good: bool, told: object) -> None:
    print(f"{'yes' if good else 'NO '}  {what}: {told}", flush=True)
    if not good:
        sys.exit(1)


def configure(folder: Path, plain: int, tls: int, service: int) -> Path:
    """deploy/nginx.conf with our ports and folders, inside the smallest nginx.conf that holds it."""
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "chain.pem", "-addext", f"subjectAltName=DNS:{HOST}"]
    subprocess.run(["openssl", "req", "-x509", *words, *files], check=True, capture_output=True)
    text = re.sub(r"\n *listen \[::\].*", "", (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8"))
    for ours, here in (
        ("/etc/ssl/srw.example/", f"{folder}/"), ("/var/log/nginx/", f"{folder}/"), ("127.0.0.1:8000", f"127.0.0.1:{service}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"), ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        (f"https://{HOST}$request_uri", f"https://{HOST}:{tls}$request_uri"), ("Host $host;", "Host $http_host;"),
    ):  # fmt: skip
        if ours not in text:
            sys.exit(f"deploy/nginx.conf no longer says {ours!r}")
        text = text.replace(ours, here)
    (folder / "ersr.conf").write_text(text)
    paths = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ {paths} include /etc/nginx/mime.types; include {folder}/ersr.conf; }}\n"
    )
    return main


def token(page: httpx.Response) -> str:
    """What the page's form sends along."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    return found[1] if found else ""


def look(web: httpx.Client, plain: int, tls: int, invited: str) -> None:
    here, code = f"https://{HOST}:{tls}", invited.rsplit("/", 1)[-1]
    answer = web.get(f"http://{HOST}:{plain}/file?a=1")
    say(
        "http is sent to https, path and query kept",
        (answer.status_code, answer.headers["location"]) == (308, f"{here}/file?a=1"),
        answer,
    )
    answer = web.get("/signin")
    say(
        "one HSTS header, the service's",
        len(answer.headers.get_list("strict-transport-security")) == 1,
        answer.headers["strict-transport-security"],
    )
    shows = Authenticator(web.post(f"/api/v1/enrolments/{code}", json={"password": PASSWORD}).json()["secret"])
    web.post(f"/api/v1/enrolments/{code}/confirm", json={"code": shows.fresh()}).raise_for_status()
    form = {
        "email": "ada@authority.example",
        "password": PASSWORD,
        "code": shows.fresh(),
        "csrfmiddlewaretoken": token(web.get("/verify")),
    }
    answer = web.post("/signin", data=form, headers={"Referer": f"{here}/signin"})
    cookies = answer.headers.get_list("set-cookie")
    say(
        "sign-in works and stays on this host",
        (answer.status_code, answer.headers["location"]) == (302, "/"),
        answer.headers["location"],
    )
    say(
        "every cookie is Secure, the session HttpOnly",
        all("Secure" in c for c in cookies) and any("ersr_session" in c and "HttpOnly" in c for c in cookies),
        len(cookies),
    )
    say("a page for the signed-in answers", web.get("/people").status_code == 200, "/people")
    answer = web.post("/signin", data=form, headers={"Referer": "https://elsewhere.example/"})
    say("a form from elsewhere is refused", answer.status_code == 403, answer)
    answer = web.post("/verify", files={"file": ("big", b"x" * (25 * 2**20))})
    say(
        "25 MiB is refused with a page that says so",
        answer.status_code == 413 and "at most 20 MB" in answer.text,
        answer,
    )
    form = {"csrfmiddlewaretoken": token(web.get("/verify"))}
    answer = web.post(
        "/verify", files={"file": ("ok", b"x" * (19 * 2**20))}, data=form, headers={"Referer": f"{here}/verify"}
    )
    say("19 MiB reaches the service", answer.status_code == 422 and "srw" in answer.text.lower(), answer)
    say("another host name is refused", web.get("/", headers={"Host": "elsewhere.example"}).status_code == 400, "400")
    style = re.search(r'/static/[^"]+\.css', web.get("/").text)
    say("static files come through", style is not None and web.get(style[0]).status_code == 200, style and style[0])


def main() -> None:
    if shutil.which("nginx") is None:
        sys.exit("no nginx here: install the package nginx")
    real = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *a, **k: real("127.0.0.1" if host in (HOST, HOST.encode()) else host, *a, **k)
    with tempfile.TemporaryDirectory(prefix="ersr-nginx-") as made, Installation(Path(made) / "home") as installation:
        folder, plain, tls = Path(made), free_port(), free_port()
        installation.environment |= {"ERSR_ADDRESS": f"https://{HOST}:{tls}", "ERSR_HOSTS": f"{HOST},127.0.0.1"}
        installation.run("init", "--development")
        invited = installation.run("invite", "ada@authority.example", "Ada Kovac", "--role", "administrator")
        installation.start()
        folder.chmod(0o755)  # nginx's workers are another user
        main_file = configure(folder, plain, tls, installation.port)
        subprocess.run(["nginx", "-t", "-q", "-c", main_file], check=True)
        proxy = subprocess.Popen(["nginx", "-c", main_file])
        trust = ssl.create_default_context(cafile=str(folder / "chain.pem"))
        web = httpx.Client(verify=trust, trust_env=False, base_url=f"https://{HOST}:{tls}", timeout=60)
        try:
            deadline = time.monotonic() + 90
            while web.get("/signin").status_code != 200:
                installation.check()
                if time.monotonic() > deadline:
                    sys.exit("the service did not come up")
                time.sleep(0.2)
            look(web, plain, tls, invited)
            installation.stop()
            answer = web.get("/")
            say(
                "a service that is away is a page and 503",
                answer.status_code == 503 and "does not answer" in answer.text,
                answer,
            )
        finally:
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(10)
        log = (folder / "ersr.log").read_text()
        say(
            "the log holds no query and no invitation's code",
            "a=1" not in log and invited.rsplit("/", 1)[-1] not in log,
            f"{len(log.splitlines())} lines",
        )


if __name__ == "__main__":
    main()
