"""Running servers: their state files, asking one to stop, proving that a process is ours."""
