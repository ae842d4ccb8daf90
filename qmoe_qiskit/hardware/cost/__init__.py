"""What a job costs before and after submission: executions, seconds, budgets, plan limits."""
