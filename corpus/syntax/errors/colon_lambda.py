lambda a
