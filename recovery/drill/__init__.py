"""The restore drill: a backup that nobody restored does not count, so one is restored every week."""
