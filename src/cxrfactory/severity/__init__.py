"""Severity from reports: which findings a report mentions, whether they are there, and how severe they are."""
