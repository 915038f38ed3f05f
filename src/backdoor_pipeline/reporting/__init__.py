"""Analyses across experiments: from the table of results to figures and tables; nothing is computed anew."""
