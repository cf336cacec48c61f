from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        # With a default of the database's own: the release before goes on putting jobs in while this one comes up.
        migrations.AddField("job", "vanished", models.IntegerField(default=0, db_default=0)),
    ]
