"""Unsupervised scene understanding: count, locate and describe the objects in images."""
