from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "ersr.jobs"

    def ready(self) -> None:
        autodiscover_modules("jobs")  # each room's jobs.py enters its kinds into queue.KINDS
