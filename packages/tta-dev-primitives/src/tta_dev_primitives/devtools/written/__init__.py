"""Figures and texts as people read them, the same in every report on cost."""
