"""The yardstick: a bare Django view that inserts one row. No middleware, no sign-in, no second statement.

The same databases, drivers and gunicorn as the service; `python -m bench.bare` makes its table.
"""

from __future__ import annotations

import json

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone

from ersr.project import settings as ours

settings.configure(
    DATABASES=ours.DATABASES,
    DEFAULT_AUTO_FIELD=ours.DEFAULT_AUTO_FIELD,
    INSTALLED_APPS=["bench"],
    ROOT_URLCONF="bench.bare",
    SECRET_KEY="a yardstick keeps no secret",
    USE_TZ=True,
)
django.setup()


class Row(models.Model):
    body = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        app_label = "bench"


def insert(request: HttpRequest) -> JsonResponse:
    row = Row.objects.create(body=json.loads(request.body), at=timezone.now())
    told = JsonResponse({"reference": row.pk}, status=201)
    told["Content-Length"] = str(len(told.content))  # which the middleware would set that is left out here
    return told


urlpatterns = [path("", insert)]
application = get_wsgi_application()

if __name__ == "__main__":
    with connection.schema_editor() as editor:
        editor.create_model(Row)
