"""Graders against physicians: can the grader be trusted, where does it fail, does it repeat?"""
