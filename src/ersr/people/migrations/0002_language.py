from django.db import migrations, models


class Migration(migrations.Migration):
    """The language that somebody chose; "" until they did. The release before this one writes rows without it."""

    dependencies = [("people", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="person",
            name="language",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
    ]
