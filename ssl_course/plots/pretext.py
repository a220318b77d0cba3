"""Figures of lesson 01, on pretext tasks."""
