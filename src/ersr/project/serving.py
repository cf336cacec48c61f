"""gunicorn's settings that its command line does not take: its own lines are written like ours."""

from ersr.project.logs import CONFIG as logconfig_dict

__all__ = ["logconfig_dict"]
