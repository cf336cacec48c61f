from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LedgerConfig(AppConfig):
    name = "ersr.ledger"

    def ready(self) -> None:
        from ersr.ledger import guard

        post_migrate.connect(guard.install, dispatch_uid="ersr.ledger.guard")
