"""Commands for packed execution: slots of a device, and what crosstalk between them costs."""
