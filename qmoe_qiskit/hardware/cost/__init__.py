"""The QPU time of work: its estimate, the budget, the limits of the plan, the time committed."""
