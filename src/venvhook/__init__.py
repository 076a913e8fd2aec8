"""venvhook: activate a project's Python environment on entering its directory."""

__version__ = "0.1.0"
