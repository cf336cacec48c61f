"""Every address. /api/v1 is the API, everything else is the portal."""

from __future__ import annotations

from django.urls import include, path

from ersr.project.health import health, ready

urlpatterns = [
    path("health", health, name="health"),
    path("ready", ready, name="ready"),
    path("", include("ersr.faces.api.urls")),
    path("", include("ersr.faces.web.urls")),
]

handler400 = "ersr.faces.web.errors.unreadable"
handler404 = "ersr.faces.web.errors.not_found"
handler500 = "ersr.faces.web.errors.server_error"
