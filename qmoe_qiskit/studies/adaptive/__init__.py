"""The study of models that adapt: to data that drift, and to devices that drift."""
