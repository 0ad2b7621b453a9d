"""Rubric rewards for training, in a program and over HTTP."""
