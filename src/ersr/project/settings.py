"""Settings, all from the environment (environment.py). project/checks.py refuses contradictions; nothing here repairs them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ersr.project import environment, logs
from ersr.proof.hardware import Place

BASE = Path(__file__).resolve().parent.parent
#: Sentences about malformed and unknown variables: whatever starts the service says them and ends.
_ENV, ERSR_PROBLEMS = environment.read(os.environ)

#: Everything that must outlive the process and is not in the database: keys, files by digest, last checkpoint.
ERSR_HOME: Path = _ENV["HOME"]
ERSR_FILES = ERSR_HOME / "files"
ERSR_KEYS = ERSR_HOME / "keys"
ERSR_LAST_CHECKPOINT = ERSR_HOME / "checkpoint"
#: Zone files, put there by the operator (lists/zones.py).
ERSR_ZONES = Path(_ENV["ZONES"] or ERSR_HOME / "zones")
#: Where the signing key lies if it is no file.
ERSR_PKCS11 = (
    Place(_ENV["PKCS11_MODULE"], _ENV["PKCS11_TOKEN"], _ENV["PKCS11_KEY"], _ENV["PKCS11_PIN"])
    if _ENV["PKCS11_MODULE"]
    else None
)
ERSR_CLOCK_FILE = _ENV["CLOCK_FILE"]
#: production | demo | test. What only a demonstration may do asks for this word.
ERSR_MODE = _ENV["MODE"]
#: Path of the authority file (TOML): name, duty number, calendar, zone, closures, texts. No default on purpose.
ERSR_AUTHORITY = _ENV["AUTHORITY"]

#: Django would answer a missing one with a traceback; checks.py says it in a sentence.
SECRET_KEY = _ENV["SECRET_KEY"] or "none"
DEBUG = False
ALLOWED_HOSTS = _ENV["HOSTS"]
ERSR_ADDRESS = _ENV["ADDRESS"]
_SECURE = ERSR_ADDRESS.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ersr.ledger.apps.LedgerConfig",
    "ersr.jobs",
    "ersr.files",
    "ersr.parties",
    "ersr.people",
    "ersr.notifications",
    "ersr.incidents",
    "ersr.lists",
    "ersr.requests",
    "ersr.waivers",
    "ersr.faces.api",
    "ersr.faces.web",
]

MIDDLEWARE = [
    "ersr.project.tracing.Traced",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ersr.project.middleware.Speaking",
    "ersr.project.middleware.Careful",
]

ROOT_URLCONF = "ersr.project.urls"
WSGI_APPLICATION = "ersr.project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ersr.faces.web.context.site",
            ],
        },
    }
]


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "ersr.project.sqlite",
            "NAME": unquote(parts.path),
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # recursive_triggers: else INSERT OR REPLACE slips past the ledger's triggers.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=on;",
            },
        }
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            # A connection that the server dropped is noticed before it is used, not by the next person's page.
            "CONN_HEALTH_CHECKS": True,
            # Nobody waits for ever: not for a lock, not for a server that is not there, not for a frozen process's transaction. Nor
            # for a compiler: for the desk's queue it took 0.8 s to save some milliseconds.
            "OPTIONS": {
                "connect_timeout": 5,
                "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=120s -c jit=off",
                **dict(parse_qsl(parts.query)),
            },
        }
    raise ValueError(f"environment.py let {parts.scheme}:// through")


if any(sentence.startswith("ERSR_DATABASE_URL") for sentence in ERSR_PROBLEMS):
    DATABASES = {}  # Django's own word for none: a wrong address must never end in another database
else:
    DATABASES = {"default": _database(_ENV["DATABASE_URL"] or f"sqlite://{ERSR_HOME}/ersr.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.Person"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "ersr.people.passwords.OwnWords"},
]
LOGIN_URL = "/signin"
SESSION_ENGINE = "ersr.people.sessions"
#: The prefix makes browsers refuse such a cookie from anything but this host itself, over https.
_HOST_ONLY = "__Host-" if _SECURE else ""
SESSION_COOKIE_NAME = f"{_HOST_ONLY}ersr_session"
CSRF_COOKIE_NAME = f"{_HOST_ONLY}csrftoken"
#: After so many seconds without a page a session ends, besides SESSION_COOKIE_AGE in any case.
ERSR_IDLE_SECONDS = _ENV["IDLE_SECONDS"]
#: How many proxies of ours stand before the service and write X-Forwarded-For; 0: none is believed.
ERSR_PROXIES = _ENV["PROXIES"]
SESSION_COOKIE_AGE = _ENV["SESSION_SECONDS"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _SECURE
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "ersr.faces.web.errors.csrf_failure"
#: A program that speaks http is told so, not led on: it has sent its token in the clear. Probes come from the machine itself.
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^health$", r"^ready$"]
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _SECURE else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
_SELF = "'self'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [_SELF],
        "style-src": [_SELF],
        "img-src": [_SELF],
        "font-src": [_SELF],
        "connect-src": [_SELF],
        "form-action": [_SELF],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler", "ersr.files.incoming.Incoming"]
ERSR_EVIDENCE_LIMIT = _ENV["EVIDENCE_LIMIT"]
ERSR_EVIDENCE_FILES = _ENV["EVIDENCE_FILES"]
ERSR_FILINGS_LIMIT = _ENV["FILINGS_LIMIT"]
ERSR_LIST_BYTES = _ENV["LIST_BYTES"]
ERSR_LISTS_LIMIT = _ENV["LISTS_LIMIT"]

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _ENV["SMTP_HOST"]
EMAIL_PORT = _ENV["SMTP_PORT"]
EMAIL_HOST_USER = _ENV["SMTP_USER"]
EMAIL_HOST_PASSWORD = _ENV["SMTP_PASSWORD"]
EMAIL_USE_TLS = _ENV["SMTP_TLS"] == "yes"
EMAIL_USE_SSL = _ENV["SMTP_TLS"] == "implicit"
EMAIL_TIMEOUT = _ENV["SMTP_SECONDS"]
DEFAULT_FROM_EMAIL = _ENV["MAIL_FROM"]

LANGUAGE_CODE = "en"
#: Offered to everybody: every text of the public and of a filer's pages has its words in faces/web/locale/.
LANGUAGES = [("en", "English"), ("fr", "Français")]
#: Offered to staff: a language comes in here when the desk's pages are complete in it too, and not before.
STAFF_LANGUAGES = ("en", "fr")
LANGUAGE_COOKIE_NAME, LANGUAGE_COOKIE_AGE, LANGUAGE_COOKIE_SECURE = f"{_HOST_ONLY}ersr_language", 366 * 24 * 3600, _SECURE
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LOGGING = logs.config(_ENV["LOG_LEVEL"])
logs.begin()
