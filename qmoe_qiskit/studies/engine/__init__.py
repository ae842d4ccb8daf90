"""Running a study: tasks, results, folders, processes and clusters."""
