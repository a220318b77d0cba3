"""Figures of lesson 04, on SimCLR and MoCo."""
