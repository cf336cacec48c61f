from django.db import migrations


class Migration(migrations.Migration):
    """Until now no list had windows, so what its records digest to is what its names digest to."""

    dependencies = [("lists", "0002_names_at_scale")]

    operations = [
        migrations.RunSQL(
            "UPDATE lists_listversion SET content_digest = digest WHERE content_digest = ''", migrations.RunSQL.noop
        ),
    ]
