"""The studio: physicians write tasks and rubrics, review them blind, and adjudicate."""
