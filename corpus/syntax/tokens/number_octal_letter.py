0o7a
