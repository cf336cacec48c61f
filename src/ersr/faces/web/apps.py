"""The web face as a Django app: templates, static files and the template words; it has no tables."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "ersr.faces.web"
    label = "web"
    verbose_name = "Web pages"

    def ready(self) -> None:
        """From here on core's sentences speak the reader's language."""
        from ersr.core import tongue
        from ersr.faces.web.language import OfDjango

        tongue.speak(OfDjango())
