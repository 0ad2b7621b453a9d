"""Retrievers: what ranks the documents of a corpus for a query."""
