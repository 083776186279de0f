"""The dashboard for Grafana, made by code: `dashboard.py` says what is shown, `panels.py` how that is written."""
