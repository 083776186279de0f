"""What operators put beside the gateway: rules for Prometheus, a dashboard for Grafana."""
