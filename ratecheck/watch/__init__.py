"""What an app really sends: requests as they pass through the proxy become calls, figures and a report."""
