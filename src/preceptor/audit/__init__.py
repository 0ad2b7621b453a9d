"""Audits of graders against physicians: agreement, failures, repeatability, cost."""
