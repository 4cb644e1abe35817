"""Where an environment in AWS keeps objects: backups, files, logs, static assets and evidence."""
