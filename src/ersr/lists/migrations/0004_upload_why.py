from django.db import migrations, models


class Migration(migrations.Migration):
    """Why a file was refused is kept so that every reader is told in their language."""

    dependencies = [("lists", "0003_content_digest")]

    operations = [migrations.AddField(model_name="upload", name="why", field=models.JSONField(null=True))]
