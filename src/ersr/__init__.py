"""ERSR, the open platform for expedited registry security requests. Start reading at docs/process.md."""

__version__ = "0.1.0"
