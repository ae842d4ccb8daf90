"""The report of a study: summary, tables, figures, pages."""
