"""Settings, all from the environment (ERSR_*). project/checks.py refuses contradictions; nothing here repairs them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE = Path(__file__).resolve().parent.parent


def _env(name: str, default: str = "") -> str:
    return os.environ.get(f"ERSR_{name}", default)


#: Everything that must outlive the process and is not in the database: keys, files by digest, last checkpoint.
ERSR_HOME = Path(_env("HOME", str(Path.cwd() / "var"))).resolve()
ERSR_FILES = ERSR_HOME / "files"
ERSR_KEYS = ERSR_HOME / "keys"
ERSR_LAST_CHECKPOINT = ERSR_HOME / "checkpoint"
ERSR_CLOCK_FILE = _env("CLOCK_FILE")
#: production | demo | test. What only a demonstration may do asks for this word.
ERSR_MODE = _env("MODE", "production")
#: Path of the authority file (TOML): name, duty number, calendar, zone, closures, texts. No default on purpose.
ERSR_AUTHORITY = _env("AUTHORITY")

SECRET_KEY = _env("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = [h for h in _env("HOSTS", "127.0.0.1,localhost").split(",") if h]
ERSR_ADDRESS = _env("ADDRESS", "http://127.0.0.1:8000").rstrip("/")
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
            "ENGINE": "django.db.backends.sqlite3",
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
        }
    raise ValueError(f"ERSR_DATABASE_URL must begin with sqlite:// or postgresql://, not {parts.scheme}://")


DATABASES = {"default": _database(_env("DATABASE_URL") or f"sqlite://{ERSR_HOME}/ersr.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.Person"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/signin"
SESSION_ENGINE = "ersr.people.sessions"
SESSION_COOKIE_NAME = "ersr_session"
SESSION_COOKIE_AGE = int(_env("SESSION_SECONDS", str(8 * 3600)))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _SECURE
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "ersr.faces.web.errors.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
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
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
ERSR_EVIDENCE_LIMIT = 20 * 2**20
ERSR_LIST_LIMIT = 200_000

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _env("SMTP_HOST", "127.0.0.1")
EMAIL_PORT = int(_env("SMTP_PORT", "25"))
EMAIL_HOST_USER = _env("SMTP_USER")
EMAIL_HOST_PASSWORD = _env("SMTP_PASSWORD")
EMAIL_USE_TLS = _env("SMTP_TLS") == "yes"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = _env("MAIL_FROM", "srw@localhost")

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": _env("LOG_LEVEL", "WARNING")},
}
